package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
)

// open opens the gateway's database.
func (r *interopRun) open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.dir, "data/gatehouse.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// count is the one number that a query of the gateway's database has.
func (r *interopRun) count(t *testing.T, query string, args ...any) int {
	t.Helper()
	db := r.open(t)
	defer db.Close()
	var n int
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// interopQuantity is 12.5 as it is kept: scaled by three digits.
const interopQuantity = 12500

// booked: there is one booking of the number, its values whole, sent by who sent it.
func booked(t *testing.T, r *interopRun, number string, _ []wireRequest) error {
	const query = `SELECT count(*) FROM "interop.booking" AS b INNER JOIN "gateway.message" AS m ON m."identity" = b.number
		WHERE b.number = ? AND b.text = ? AND b.quantity = ? AND m.principal LIKE '%erp.alice%' AND m.outcome = 'stored'`
	if n := r.count(t, query, number, interopText, interopQuantity); n != 1 {
		return fmt.Errorf("%d bookings are stored as they were sent", n)
	}
	return nil
}

// bookedOnceAllowed: and what came with a wrong password is not there.
func bookedOnceAllowed(t *testing.T, r *interopRun, number string, requests []wireRequest) error {
	if n := r.count(t, `SELECT count(*) FROM "interop.booking" WHERE number = ?`, number+"-wrong"); n != 0 {
		return fmt.Errorf("%d bookings came with a wrong password", n)
	}
	return booked(t, r, number, requests)
}

// bookedWithDocument: and the attachment's octets are its document.
func bookedWithDocument(t *testing.T, r *interopRun, number string, requests []wireRequest) error {
	if n := r.count(t, `SELECT count(*) FROM "interop.booking" WHERE number = ? AND document = ?`, number, interopDocument()); n != 1 {
		return fmt.Errorf("%d bookings have the document", n)
	}
	if !bytes.Contains(requests[len(requests)-1].body, interopDocument()) {
		return fmt.Errorf("the wire has the document as text")
	}
	return booked(t, r, number, requests)
}

// bookedOnce: the same was sent twice, and stored once.
func bookedOnce(t *testing.T, r *interopRun, number string, requests []wireRequest) error {
	if len(requests) < 2 {
		return fmt.Errorf("it was sent %d times", len(requests))
	}
	if n := r.count(t, `SELECT count(*) FROM "gateway.message" WHERE "identity" = ?`, number); n != 1 {
		return fmt.Errorf("%d messages are kept", n)
	}
	return booked(t, r, number, requests)
}

// refused: nothing is booked.
func refused(t *testing.T, r *interopRun, number string, _ []wireRequest) error {
	if n := r.count(t, `SELECT count(*) FROM "interop.booking" WHERE number = ?`, number); n != 0 {
		return fmt.Errorf("%d bookings are stored", n)
	}
	return nil
}

func toldOnce(t *testing.T, r *interopRun, number string, _ []wireRequest) error {
	if n := r.count(t, `SELECT count(*) FROM "interop.told" WHERE number = ?`, number); n != 1 {
		return fmt.Errorf("it is stored %d times", n)
	}
	return nil
}

// askedOnce: it is stored, and known by the wsa:MessageID that the wire had.
func askedOnce(t *testing.T, r *interopRun, number string, requests []wireRequest) error {
	if n := r.count(t, `SELECT count(*) FROM "interop.asked" WHERE number = ?`, number); n != 1 {
		return fmt.Errorf("it is stored %d times", n)
	}
	id := requests[len(requests)-1].messageID()
	if n := r.count(t, `SELECT count(*) FROM "gateway.message" WHERE route = 'ask' AND "identity" = ?`, id); n != 1 {
		return fmt.Errorf("%d messages have the identity %s", n, id)
	}
	return nil
}
