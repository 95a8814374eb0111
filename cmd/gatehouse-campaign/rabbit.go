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
	if url := strings.TrimSpace(string(out)); err == nil && url != "" {
		r.url = url
		return nil
	}
	// One that was killed has much to read first, and the script has less patience
	// than the campaign.
	if r.url != "" && r.listens(ctx, 3*time.Minute) {
		return nil
	}
	return fmt.Errorf("%s start: %w\n%s", r.script, err, said.String())
}

// listens waits until the broker takes connections.
func (r *rabbit) listens(ctx context.Context, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for ctx.Err() == nil {
		if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", r.port)); err == nil {
			conn.Close()
			return true
		}
		pause(ctx, 100*time.Millisecond)
	}
	return false
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
