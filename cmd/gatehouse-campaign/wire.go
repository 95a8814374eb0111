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
// takes too long, at which the client ends whatever waits.
func (w *wire) ask(do func() error) error {
	timer := time.AfterFunc(w.patience, func() { w.socket.Close() })
	err := do()
	if timer.Stop() {
		return err
	}
	w.tally.muted()
	return errors.Join(errMute, err)
}

// open opens a channel and has setup use it.
func (w *wire) open(setup func(*amqp091.Channel) error) (channel *amqp091.Channel, err error) {
	err = w.ask(func() error {
		if channel, err = w.Channel(); err != nil {
			return err
		}
		return setup(channel)
	})
	return channel, err
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
