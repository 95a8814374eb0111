package main

import (
	"errors"
	"fmt"
	"net"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// patienceOfAsking is how long the broker may take for one answer, and to take
// one write.
const patienceOfAsking = 15 * time.Second

// errMute is why a connection was given up whose broker owed an answer.
var errMute = errors.New("the broker owed an answer for too long")

// wire is a connection to the broker on which nothing waits for ever. The client
// waits for an answer as long as the connection lives; and a broker that was
// killed and has come back may hold the connection alive with heartbeats while a
// queue that is still being recovered never answers.
type wire struct {
	*amqp091.Connection
	socket   net.Conn
	patience time.Duration
	tally    *tally // of the answers that never came
}

// dial connects and logs in.
func (b *broker) dial() (*wire, error) {
	w := &wire{patience: b.patience, tally: b.tally}
	var err error
	w.Connection, err = amqp091.DialConfig(b.url, amqp091.Config{
		Heartbeat: 5 * time.Second,
		Dial: func(network, address string) (net.Conn, error) {
			conn, err := net.DialTimeout(network, address, b.patience)
			if err != nil {
				return nil, err
			}
			w.socket = endingWrites{conn, b.patience}
			// The client lifts it when it is logged in.
			return w.socket, conn.SetDeadline(time.Now().Add(b.patience))
		},
	})
	if err != nil {
		if w.socket != nil {
			w.socket.Close()
		}
		return nil, fmt.Errorf("connecting to the broker: %w", err)
	}
	return w, nil
}

// ask lets do speak with the broker, and closes the connection under it when it
// takes too long, at which the client ends whatever waits. Should the client wait
// on all the same, that is the client's fault, which the error says; do is then
// left alone, and what it sets is not to be read.
func (w *wire) ask(do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	if err, in := within(w.patience, done); in {
		return err
	}
	w.tally.muted()
	w.socket.Close()
	if err, in := within(w.patience, done); in {
		return errors.Join(errMute, err)
	}
	return errors.Join(errMute, errors.New("the client waits on though its connection is closed"))
}

// within is what comes out of done in time.
func within(patience time.Duration, done <-chan error) (err error, in bool) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err, true
	case <-timer.C:
		return nil, false
	}
}

// open opens a channel and has setup use it.
func (w *wire) open(setup func(*amqp091.Channel) error) (*amqp091.Channel, error) {
	var opened *amqp091.Channel
	err := w.ask(func() (err error) {
		if opened, err = w.Channel(); err != nil {
			return err
		}
		return setup(opened)
	})
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// hangUp ends the connection, without a word when the broker has none. What was
// said before was answered, or will be asked again.
func (w *wire) hangUp() {
	timer := time.AfterFunc(time.Second, func() { w.socket.Close() })
	defer timer.Stop()
	_ = w.Close() // it is gone either way
}

// endingWrites is a socket whose writes end, though nobody reads on the other side.
type endingWrites struct {
	net.Conn
	patience time.Duration
}

// Write sets a new deadline for every write.
func (s endingWrites) Write(b []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(s.patience)); err != nil {
		return 0, err
	}
	return s.Conn.Write(b)
}
