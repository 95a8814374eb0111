package main

// mutants are the faults that a gateway of this kind is known for, one of each
// sort.
var mutants = []mutant{
	{
		name: "acknowledged as delivered", quick: true, flags: "-crashes 12 -messages 1200", found: []string{"lost"},
		edits: []edit{
			{"adapters/amqp/intake.go", "in.channel.Consume(e.Queue, in.tag, false,", "in.channel.Consume(e.Queue, in.tag, true,"},
			{"adapters/amqp/intake.go", "in.channel.Ack(tag, upTo)", "error(nil)"},
		},
	},
	{
		name: "acknowledged too far", flags: "-crashes 12 -messages 1200", found: []string{"lost"},
		edits: []edit{{"adapters/amqp/hand.go", "h.pending.upTo = e.delivery.DeliveryTag", "h.pending.upTo = h.received"}},
	},
	{
		name: "answered before the commit", flags: "-crashes 12 -messages 1200", found: []string{"lost"},
		edits: []edit{ // seven transactions are left to the eighth
			{"adapters/sqlite/session.go", "	begun    bool\n", "	begun    bool\n	late     int\n"},
			{"adapters/sqlite/session.go", "	c.begun = true\n	_, err :=", "	if c.late > 0 && c.begun {\n		return nil\n	}\n	c.begun = true\n	_, err :="},
			{"adapters/sqlite/session.go", `	if _, err := c.exec(context.Background(), "COMMIT"); err != nil {`,
				`	if c.late = (c.late + 1) % 8; c.late > 0 {
		return nil
	}
	if _, err := c.exec(context.Background(), "COMMIT"); err != nil {`},
			{"adapters/sqlite/session.go", "	s.Rollback()\n	s.turn", "	if s.late == 0 {\n		s.Rollback()\n	}\n	s.turn"},
		},
	},
	{
		name: "removed before the confirm", flags: "-crashes 15 -messages 1500", found: []string{"unpublished"},
		edits: []edit{
			{"internal/gateway/relay_carrier.go", "	c.exhausted.Store(end && !gap)\n	return false, nil",
				`	c.exhausted.Store(end && !gap)
	for _, d := range more {
		c.taken = append(c.taken, d.Seq)
	}
	return false, c.record(ctx)`},
			{"internal/gateway/relay_hand.go", "case !l.open && !l.reading:", "case l != nil: // all is read"},
		},
	},
	{
		name: "removed and noted apart", flags: "-crashes 26 -random 0 -messages 2600", found: []string{"unpublished"},
		edits: []edit{{"adapters/internal/sqlstore/outbox.go", `	return s.holding(ctx, "confirming deliveries", l, func(q Querier) error {
`, `	err = s.holding(ctx, "confirming deliveries", l, func(q Querier) error {
		_, err := s.unqueueTaken(ctx, q, l, runs, s.dialect.Document(string(list)))
		return err
	})
	if err != nil {
		return err
	}
	failpoint.Hit("relay-removed")
	return s.holding(ctx, "confirming deliveries", l, func(q Querier) error {
`}},
	},
	{
		name: "no inbox", quick: true, flags: "-messages 600", found: []string{"twice"},
		edits: []edit{
			{"adapters/sqlite/together.go", "if !known[it.Claim] {", "if known != nil {"},
			{"adapters/sqlite/inbox.go", "	if known {\n		return true,", "	if known && it == nil {\n		return true,"},
		},
	},
	{
		name: "ids used again", flags: "-messages 600", found: []string{"twice", "ids changed"},
		edits: []edit{{"adapters/internal/sqlstore/item.go", "hashed(m.Route, m.Sender, m.Identity, channel,", "hashed(m.Route, m.Sender, m.OrderingKey, channel,"}},
	},
	{
		name: "new ids for repeats", flags: "-crashes 12 -messages 1200", found: []string{"ids changed"},
		edits: []edit{
			{"adapters/amqp/publishing.go", "d.WireID,", "d.WireID[:20] + uuid.NewString()[24:],"},
			{"adapters/amqp/publishing.go", "import (\n", "import (\n	\"github.com/google/uuid\"\n"},
		},
	},
	{
		name: "numbers with gaps", flags: "-messages 400", found: []string{"lost"},
		edits: []edit{{"adapters/sqlite/seal.go", "s.row(numberText, channel, shard, len(batch))", "s.row(numberText, channel, shard, len(batch)+len(batch)%2)"}},
	},
	{
		name: "published in any order", flags: "-messages 1200", found: []string{"order"},
		edits: []edit{
			{"internal/gateway/relay_line.go", "	q := l.keys[d.OrderingKey]\n", "	q := l.keys[d.WireID]\n"},
			{"internal/gateway/relay_line.go", "		l.keys[d.OrderingKey] = q\n", "		l.keys[d.WireID] = q\n"},
			{"internal/gateway/relay_line.go", "if q := l.keys[d.OrderingKey]; q", "if q := l.keys[d.WireID]; q"},
			{"internal/gateway/relay_line.go", "== 0 {\n		delete(l.keys, d.OrderingKey)", "== 0 {\n		delete(l.keys, d.WireID)"},
			{"internal/gateway/relay_line.go", "waiting)\n		delete(l.keys, d.OrderingKey)", "waiting)\n		delete(l.keys, d.WireID)"},
			{"internal/gateway/relay_line.go", "Seq < h[j]", "Seq > h[j]"},
		},
	},
	{
		name: "handed over in any order", flags: "-messages 3000", found: []string{"order"},
		edits: []edit{
			{"internal/gateway/relay_hand.go", "o := &outcomes[i]", "o := &outcomes[len(outcomes)-1-i]"},
			{"internal/gateway/relay_hand.go", "!l.reading && d.Seq == l.last+1", "!l.reading && d.Seq > l.last"},
		},
	},
	{
		name: "handed over past others", flags: "-gateways 2 -messages 3000", found: []string{"order"},
		edits: []edit{{"internal/gateway/relay_hand.go", "!l.reading && d.Seq == l.last+1", "!l.reading && d.Seq > l.last"}},
	},
	{
		name: "committed in any order", flags: "-messages 3000", found: []string{"order"},
		edits: []edit{
			{"adapters/amqp/run.go", "		close(e.prepared)\n", "		if e.ticket != nil {\n			e.ticket.Submit(r.ctx, r.source)\n		}\n		close(e.prepared)\n"},
			{"adapters/amqp/run.go", "			e.ticket.Submit(r.ctx, r.source)\n		}\n		close(e.handed)", "		}\n		close(e.handed)"},
		},
	},
	{
		name: "overtakes what waits", flags: "-messages 1500", found: []string{"order"},
		edits: []edit{{"adapters/sqlite/held.go", "	if found {\n		it.Behind()\n	}\n	return found, err\n}\n\n// released", "	return found && false, err\n}\n\n// released"}},
	},
	{
		name: "another reply for the repeat", flags: "-messages 800", found: []string{"replies differing"},
		edits: []edit{{"adapters/sqlite/seal.go", "it.KeptReply())", "append(append([]byte{}, it.KeptReply()...), ' '))"}},
	},
	{
		name: "two carry one shard", flags: "-gateways 2 -terminate 2 -messages 1500", found: []string{"twice", "repeated"},
		edits: []edit{
			{"adapters/internal/sqlstore/statements.go", "(owner = @p3 OR until <= {now @p4})`", "(owner = @p3 OR until <= {now @p4} OR 1 = 1)`"},
			{"adapters/internal/sqlstore/statements.go", "AND owner = @p3 AND fence = @p4`),\n\n		standing", "AND (owner = @p3 OR fence = @p4 OR 1 = 1)`),\n\n		standing"},
			{"adapters/internal/sqlstore/statements.go", "WHERE channel = @p1 AND shard = @p2 AND owner = @p3`)", "WHERE channel = @p1 AND shard = @p2 AND (owner = @p3 OR 1 = 1)`)"},
		},
	},
	{
		name: "innocents parked", flags: "-crashes 12 -messages 1200", found: []string{"wrongly parked"},
		edits: []edit{{"internal/gateway/ticket.go", "const crashesToPark = 3", "const crashesToPark = 1"}},
	},
	{
		name: "the refused is not undone", flags: "-messages 1200", found: []string{"lost", "twice", "left over", "order", "replies differing"},
		edits: []edit{{"adapters/sqlite/program.go", `	if it.Outcome.Err != nil || it.Kept() {
		if err := s.do("ROLLBACK TO message")`, `	if (it.Outcome.Err != nil || it.Kept()) && false {
		if err := s.do("ROLLBACK TO message")`}},
	},
	{
		name: "a failure taken for an answer", flags: "-messages 1200", found: []string{"unpublished"},
		edits: []edit{{"adapters/outbound/http.go", "return ofStatus(a, p.config.Retry)", "return verdict{}"}},
	},
	{
		name: "forgets too early", flags: "-messages 3000", found: []string{"lost", "twice"},
		edits: []edit{{"adapters/internal/sqlstore/retention.go", "args := []any{p.After[:], before, p.Limit}", "before = firstID(s.now())\n	args := []any{p.After[:], before, p.Limit}"}},
	},
}
