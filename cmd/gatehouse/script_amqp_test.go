package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
	"github.com/rogpeppe/go-internal/testscript"
)

// scriptAMQP: amqp [-u user] [-q queue] [-i message-id] [-t type] [-n times] [-d queue:reason] [-r yes] FILE
// publishes FILE as user, n times, each time with its number in the place of @@ in
// the file and in the message-id, and with -r waits for each reply and puts the
// last one on stdout: its outcome and code on the first line, then its body.
func scriptAMQP(ts *testscript.TestScript, neg bool, args []string) {
	l := labOf(ts)
	user, queue, times, reply, m := "erp.alice", "in.orders", 1, false, amqp091.Publishing{}
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-u":
			user = args[1]
		case "-q":
			queue = args[1]
		case "-i":
			m.MessageId = args[1]
		case "-t":
			m.ContentType = args[1]
		case "-n":
			n, err := strconv.Atoi(args[1])
			ts.Check(err)
			times = n
		case "-d":
			m.Headers = deathHeaders(args[1])
		case "-r":
			reply = true
		}
		args = args[2:]
	}
	if len(args) != 1 {
		ts.Fatalf("usage: amqp [-u user] [-q queue] [-i message-id] [-t type] [-n times] [-d queue:reason] [-r yes] file")
	}
	body, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	m.Timestamp = time.Now()
	if m.ContentType == "" {
		m.ContentType = contentTypeOf(body)
	}
	id := m.MessageId
	for n := range times {
		number := []byte(strconv.Itoa(n + 1))
		m.Body, m.MessageId = bytes.ReplaceAll(body, []byte("@@"), number), strings.ReplaceAll(id, "@@", string(number))
		ts.Check(l.publish(ts, user, queue+strings.TrimPrefix(l.exchange, "orders"), m, reply))
	}
}

// deathHeaders are what RabbitMQ adds to a message that died in a queue.
func deathHeaders(death string) amqp091.Table {
	queue, reason, _ := strings.Cut(death, ":")
	return amqp091.Table{"x-death": []any{amqp091.Table{
		"queue": queue, "reason": reason, "count": int64(3), "exchange": "old", "routing-keys": []any{"order.new"}, "time": time.Now(),
	}}}
}

func (l *lab) publish(ts *testscript.TestScript, user, queue string, m amqp091.Publishing, reply bool) error {
	uri, err := amqp091.ParseURI(l.amqp)
	if err != nil {
		return err
	}
	p, err := newProducer(fmt.Sprintf("amqp://%s:%d", uri.Host, uri.Port), user, user+"-secret")
	if err != nil {
		return err
	}
	defer p.close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if !reply {
		return p.publish(ctx, queue, m)
	}
	d, err := p.ask(ctx, queue, m)
	fmt.Fprint(ts.Stdout(), replyText(d))
	return err
}

// scriptQueue: queue declare|delete NAME
func scriptQueue(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: queue declare|delete name")
	}
	l := labOf(ts)
	conn, err := amqp091.Dial(l.amqp)
	ts.Check(err)
	defer conn.Close()
	ch, err := conn.Channel()
	ts.Check(err)
	name := args[1] + strings.TrimPrefix(l.exchange, "orders")
	if args[0] == "declare" {
		_, err = ch.QueueDeclare(name, true, false, false, false, sampleQueueArguments)
	} else {
		_, err = ch.QueueDelete(name, false, false, false)
	}
	ts.Check(err)
}
