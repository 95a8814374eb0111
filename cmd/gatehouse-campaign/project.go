package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/mappings"
	"github.com/gatehouse/gatehouse/wsdl"
)

// configuration is gatehouse.yaml, as an administrator would write it. Leases are
// short where processes are killed or frozen (lease), so that such a one does not
// hold its shards for longer than the campaign has patience.
const configuration = `literal_secrets: true
store: STORE
directory:
  urls: ["ldap://DIRECTORY"]
  allow_plaintext: true
  bind_dn: "cn=gatehouse,dc=corp,dc=example"
  bind_password: gatehouse-secret
  user_search: {base_dn: "ou=People,dc=corp,dc=example", filter: "(objectClass=inetOrgPerson)", username_attributes: [uid]}
  group_search: {base_dn: "ou=Groups,dc=corp,dc=example", filter: "(objectClass=groupOfNames)"}
broker: {urls: ["BROKER"], username: "LOGIN", password: "PASSWORD", heartbeat: 3s}
contracts: [wsdl/orders/orders.wsdl, wsdl/customers/customers.wsdl, wsdl/batch/batch.wsdl]
routes:
  - route: submit-order
    mapping: mappings/submit-order.yaml
    from: [ENDPOINTS]
    retry: {first: 300ms, longest: 1s}
    retention: {payloads: 2s}
  - route: upsert-product
    mapping: mappings/upsert-product.yaml
    from: [{soap: customers/ProductService.UpsertProduct}]
    retention: {inbox: 5s, payloads: 2s, ledger: 5s}
  - route: items
    mapping: mappings/items.yaml
    from: [{soap: batch/Batch.SubmitItems}]
channels:
  hook: {http: {url: "http://PARTNER/", timeout: 5s}, retry: {first: 20ms, longest: 200ms}}
  order-events: {amqp: {exchange: EXCHANGE}}
  master-data: {amqp: {exchange: EXCHANGE}}
roles:
  sender: {members: [{group: senders}], partner: erp}
  hub: {members: [{group: hubs}], partner: mdm}
grants:
  - {role: sender, may: send, on: route/submit-order}
  - {role: sender, may: send, on: route/items}
  - {role: hub, may: send, on: route/upsert-product}
relay: {lease_ttl: LEASE, poll: POLL}
retention: {every: 500ms, suspects: SUSPECTS}
listen:
  public: {address: "LISTEN"}
`

// own is what the campaign adds to the sample: a message that is split.
//
//go:embed project
var own embed.FS

// writeProject writes contracts, mappings and migrations of the sample and of the
// campaign. Orders of a product that is not known yet wait for it, and some are
// announced to the partner.
func writeProject(dir string) error {
	added, err := fs.Sub(own, "project")
	if err != nil {
		return err
	}
	for folder, files := range map[string]fs.FS{"wsdl": wsdl.FS, "mappings": mappings.FS, "": added} {
		if err := os.CopyFS(filepath.Join(dir, folder), files); err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o755); err != nil {
		return err
	}
	file := filepath.Join(dir, "mappings", "submit-order.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	const rejects, waits = "where: {sku: o:Sku}, column: id, not_found: reject", "where: {sku: o:Sku}, column: id, not_found: not_yet"
	if !strings.Contains(string(text), rejects) {
		return fmt.Errorf("%s has no look-up with %q", file, rejects)
	}
	const publish, hook = "\npublish:\n", "\npublish:\n" +
		"  - {channel: hook, when: o:Order/@revision mod 3 = 0, body: {orderNo: o:Order/o:OrderNumber, revision: o:Order/@revision, customer: {name: o:Order/o:Customer/o:Name}, lines: {$each: o:Order/o:Lines/o:Line, sku: o:Sku}}}\n"
	return os.WriteFile(file, []byte(strings.NewReplacer(rejects, waits, publish, hook).Replace(string(text))), 0o644)
}

// configure writes a gateway's configuration.
func (c *campaign) configure(g *gateway) error {
	var endpoints []string
	if c.through("soap") {
		endpoints = append(endpoints, "{soap: orders/OrderService.SubmitOrder}")
	}
	if c.through("amqp") {
		endpoints = append(endpoints, fmt.Sprintf("{amqp: {queue: %s, queue_type: %s, sender: user_id, prefetch: %d}}", c.broker.queue, c.queue, c.window()))
	}
	// Who is cut off may settle by himself what another had under suspicion when that
	// one died: the note of it goes with its time.
	suspects := "30d"
	if c.settings.cuts > 0 {
		suspects = "10s"
	}
	text := strings.NewReplacer("SUSPECTS", suspects, "STORE", c.database.section(g.links[len(g.links)-1]), "PARTNER", c.partner.address, "DIRECTORY", c.directory.Addr(),
		"BROKER", strings.Replace(c.broker.server, "HOST", g.links[0].address(), 1), "LOGIN", c.broker.login, "PASSWORD", c.broker.password, "EXCHANGE", c.broker.exchange,
		"ENDPOINTS", strings.Join(endpoints, ", "), "LEASE", c.lease().String(), "POLL", c.slow(200*time.Millisecond).String(), "LISTEN", g.address).Replace(configuration)
	return os.WriteFile(g.file, []byte(text), 0o600)
}

// lease is how long a shard stays with a process that does not renew its lease. A
// process that is stopped in order gives its leases back, so that where all are they
// are as long as a gateway's own: then none should lapse, however slow the machine.
func (c *campaign) lease() time.Duration {
	switch {
	case c.settings.crashes+c.settings.freezes == 0 && !c.poison:
		return 15 * time.Second
	case c.gateways > 1:
		return c.slow(3 * time.Second) // handed over while a process is frozen, not while it is merely slow
	}
	return c.slow(time.Second)
}

// window is how many messages a gateway has in hand. All of them are taken one by
// one after its end, which on a server costs seconds each at first.
func (c *campaign) window() int {
	if c.database.dsn != nil {
		return 32
	}
	return 256
}

// migrate makes the tables.
func (c *campaign) migrate(ctx context.Context, file string) error {
	out, err := exec.CommandContext(ctx, c.binary, "migrate", "up", "-c", file).CombinedOutput()
	if err != nil {
		return fmt.Errorf("migrate up: %w\n%s", err, out)
	}
	return nil
}

// The accounts at the SOAP door. The ERP has the partner of whoever fills the
// queue; the master data hub makes products known.
const (
	erp = "erp.alice"
	hub = "mdm.dana"
)

// passwordOf is everybody's password.
func passwordOf(login string) string { return login + "-secret" }

// startDirectory serves those accounts and the one under which producers publish.
func startDirectory(producer string) (*directory.Server, error) {
	const base = "dc=corp,dc=example"
	entry := func(dn string, attributes map[string][]string) directory.Entry {
		return directory.Entry{DN: dn + "," + base, Attributes: attributes}
	}
	person := func(uid string) directory.Entry {
		return entry("uid="+uid+",ou=People", map[string][]string{
			"objectClass": {"inetOrgPerson"}, "uid": {uid}, "cn": {uid}, "sn": {uid}, "userPassword": {passwordOf(uid)}})
	}
	group := func(cn string, members ...string) directory.Entry {
		var dns []string
		for _, uid := range members {
			dns = append(dns, person(uid).DN)
		}
		return entry("cn="+cn+",ou=Groups", map[string][]string{"objectClass": {"groupOfNames"}, "cn": {cn}, "member": dns})
	}
	unit := func(ou string) directory.Entry {
		return entry("ou="+ou, map[string][]string{"objectClass": {"organizationalUnit"}, "ou": {ou}})
	}
	return directory.Start(directory.Config{Base: base, Entries: []directory.Entry{
		{DN: base, Attributes: map[string][]string{"objectClass": {"dcObject", "organization"}, "dc": {"corp"}, "o": {"Corp"}}},
		unit("People"), unit("Groups"),
		entry("cn=gatehouse", map[string][]string{
			"objectClass": {"organizationalRole", "simpleSecurityObject"}, "cn": {"gatehouse"}, "userPassword": {passwordOf("gatehouse")}}),
		person(erp), person(hub), person(producer),
		group("senders", erp, producer), group("hubs", hub),
	}})
}

// freeAddress is a loopback address that nobody listens on, and that stays so: it is below
// those that the system hands out by itself, to listeners and to every connection.
func freeAddress() (string, error) {
	for range 200 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_240+rand.IntN(9_760)))
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().String(), nil
	}
	return "", errors.New("200 ports that were tried are taken")
}

// tail is the end of a file, for people to read.
func tail(file string, lines int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
