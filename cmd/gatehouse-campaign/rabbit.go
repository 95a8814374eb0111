package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// rabbit is a RabbitMQ of the campaign's own, so that it can be killed.
type rabbit struct {
	script, dir string
	port        string
	url         string
}

// startRabbit has the script start a broker in a folder.
func startRabbit(ctx context.Context, script, dir string) (*rabbit, error) {
	port, err := freePorts()
	if err != nil {
		return nil, err
	}
	r := &rabbit{script: script, dir: dir, port: strconv.Itoa(port)}
	return r, r.start(ctx)
}

func (r *rabbit) start(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, r.script, "start", r.dir, r.port)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s start: %w\n%s", r.script, err, said.String())
	}
	r.url = strings.TrimSpace(string(out))
	return nil
}

// again kills the broker, as a power failure would, and starts it once more.
func (r *rabbit) again(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(r.dir, "pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("the broker's pid: %w", err)
	}
	process, err := os.FindProcess(pid)
	if err == nil {
		err = process.Kill()
	}
	if err != nil {
		return err
	}
	for {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", r.port))
		if err != nil {
			break
		}
		conn.Close()
		pause(ctx, 20*time.Millisecond)
	}
	// Else the campaign's end would come upon a broker that nobody started.
	return r.start(context.WithoutCancel(ctx))
}

// settle has the broker write down what queues it has, by an orderly stop. RabbitMQ
// 3.10.8 notes in a file (names.dets) which quorum queues it has, but a while after it
// has said that they are declared: killed 0.7 s later it had noted none, 1.5 s
// later all. What is not noted it begins anew: without what it has confirmed, and
// without a leader, so that nobody who asks for it ever gets an answer, however often
// the broker is started. Outside of tests queues are older when their broker dies.
func (r *rabbit) settle(ctx context.Context) error {
	if err := r.stop(); err != nil {
		return err
	}
	return r.start(ctx)
}

func (r *rabbit) stop() error {
	if r == nil {
		return nil
	}
	if out, err := exec.Command(r.script, "stop", r.dir).CombinedOutput(); err != nil {
		return fmt.Errorf("%s stop: %w\n%s", r.script, err, out)
	}
	return nil
}

// freePorts is the first of three ports in a row, below those that the system
// hands out by itself, that nobody listens on.
func freePorts() (int, error) {
	for port := 20000 + os.Getpid()%9000; port < 32000; port += 3 {
		free := true
		for p := port; p < port+3; p++ {
			listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
			if err != nil {
				free = false
				break
			}
			listener.Close()
		}
		if free {
			return port, nil
		}
	}
	return 0, errors.New("no three free ports in a row")
}
