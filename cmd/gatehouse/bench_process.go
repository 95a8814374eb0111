package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/spf13/cobra"
)

// newBenchGateway is the gateway as a load test runs it: serve, in a process of
// its own, which ends with its standard input, so that none is left behind.
func newBenchGateway() *cobra.Command {
	var (
		file, profile string
		logs          logFlags
	)
	cmd := &cobra.Command{
		Use:    "gateway",
		Hidden: true,
		Args:   usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := logs.logger()
			if err != nil {
				return err
			}
			p, err := readProject(file)
			if err != nil {
				return err
			}
			ctx, stop := context.WithCancel(cmd.Context())
			defer stop()
			go func() {
				_, _ = io.Copy(io.Discard, cmd.InOrStdin()) // whatever ends it, the load test is over
				stop()
			}()
			profiles := &profiles{folder: profile}
			err = p.serve(ctx, log, func(a net.Addr) {
				profiles.begin()
				fmt.Fprintln(cmd.OutOrStdout(), mustJSON(serving{Public: a.String()}))
			})
			return errors.Join(err, profiles.end())
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&profile, "profile", "", "`folder` for profiles")
	logs.add(cmd)
	return cmd
}

// serving is what the gateway's process tells on its standard output.
type serving struct {
	Public string `json:"public"`
}

func mustJSON(v serving) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // it holds a text
	}
	return string(text)
}

// profiles are taken from the first message on.
type profiles struct {
	folder string
	cpu    *os.File
	failed error
}

func (p *profiles) begin() {
	if p.folder == "" {
		return
	}
	if p.cpu, p.failed = os.Create(filepath.Join(p.folder, "cpu.pprof")); p.failed == nil {
		p.failed = pprof.StartCPUProfile(p.cpu)
	}
}

func (p *profiles) end() error {
	if p.cpu == nil || p.failed != nil {
		return p.failed
	}
	pprof.StopCPUProfile()
	allocations, err := os.Create(filepath.Join(p.folder, "allocs.pprof"))
	if err != nil {
		return errors.Join(err, p.cpu.Close())
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(allocations, 0), allocations.Close(), p.cpu.Close())
}

// gatewayProcess is a gateway that the load test has started.
type gatewayProcess struct {
	cmd    *exec.Cmd
	input  io.WriteCloser
	public string // host:port
	ended  chan struct{}
	result error
}

// startGateway starts this program on a configuration, and waits until it serves.
func startGateway(ctx context.Context, file, profile string, progress io.Writer) (*gatewayProcess, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"bench", "gateway", "-c", file, "--log-level", "warn"}
	if profile != "" {
		if err := os.MkdirAll(profile, 0o755); err != nil {
			return nil, err
		}
		args = append(args, "--profile", profile)
	}
	g := &gatewayProcess{cmd: exec.Command(program, args...), ended: make(chan struct{})}
	g.cmd.Args[0] = "gatehouse"
	g.cmd.Stderr = progress
	detach(g.cmd) // an interrupt is for the load test, which ends it in order
	if g.input, err = g.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := g.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a gateway: %w", err)
	}
	told := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n') // without a line it has ended
		told <- line
		_, _ = io.Copy(io.Discard, out)
		g.result = g.cmd.Wait()
		close(g.ended)
	}()
	return g, g.serves(ctx, told)
}

func (g *gatewayProcess) serves(ctx context.Context, told <-chan string) error {
	timer := time.NewTimer(2 * time.Minute)
	defer timer.Stop()
	select {
	case line := <-told:
		var s serving
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			return errors.Join(errors.New("the gateway did not start; it has said why"), g.stop())
		}
		g.public = s.Public
		return nil
	case <-timer.C:
		return errors.Join(errors.New("the gateway does not serve after two minutes"), g.kill())
	case <-ctx.Done():
		return errors.Join(ctx.Err(), g.stop())
	}
}

// stop ends the gateway in order, once.
func (g *gatewayProcess) stop() error {
	select {
	case <-g.ended:
		return nil
	default:
	}
	if err := g.input.Close(); err != nil {
		return errors.Join(err, g.kill())
	}
	timer := time.NewTimer(2 * drainTimeout)
	defer timer.Stop()
	select {
	case <-g.ended:
	case <-timer.C:
		return errors.Join(fmt.Errorf("the gateway did not end within %v", 2*drainTimeout), g.kill())
	}
	if g.result != nil {
		return fmt.Errorf("the gateway ended with %w", g.result)
	}
	return nil
}

func (g *gatewayProcess) kill() error {
	err := g.cmd.Process.Kill()
	<-g.ended
	return err
}

// pid is 0 of no process.
func (g *gatewayProcess) pid() int {
	if g == nil {
		return 0
	}
	return g.cmd.Process.Pid
}

// onLinux reports whether there is a /proc to look at.
const onLinux = runtime.GOOS == "linux"
