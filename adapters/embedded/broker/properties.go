package broker

import "strconv"

// The basic properties in the order of their flags, highest bit first
// (AMQP 0-9-1 §1.8.3). Only those named here are looked at.
const (
	propHeaders    = 2
	propMode       = 3
	propPriority   = 4
	propReplyTo    = 6
	propExpiration = 7
	propTimestamp  = 9
	propUserID     = 11
	propCount      = 14
)

// properties are the basic properties of a message, carried as they came.
type properties struct {
	flags     uint16
	text      [propCount]string
	octet     [propCount]byte
	timestamp uint64
	headers   table
}

func flag(i int) uint16 { return 1 << (15 - i) }

func (d *decoder) properties() (p properties) {
	p.flags = d.u16()
	for i := range propCount {
		if p.flags&flag(i) == 0 {
			continue
		}
		switch i {
		case propHeaders:
			p.headers = d.table()
		case propMode, propPriority:
			p.octet[i] = d.u8()
		case propTimestamp:
			p.timestamp = d.u64()
		default:
			p.text[i] = d.shortstr()
		}
	}
	return p
}

func (e *encoder) properties(p *properties) *encoder {
	flags := p.flags
	if len(p.headers) > 0 {
		flags |= flag(propHeaders)
	}
	e.u16(flags)
	for i := range propCount {
		if flags&flag(i) == 0 {
			continue
		}
		switch i {
		case propHeaders:
			e.table(p.headers)
		case propMode, propPriority:
			e.u8(p.octet[i])
		case propTimestamp:
			e.u64(p.timestamp)
		default:
			e.shortstr(p.text[i])
		}
	}
	return e
}

// expiration is the message's own time to live in milliseconds.
func (p *properties) expiration() (int64, bool) {
	ms, err := strconv.ParseInt(p.text[propExpiration], 10, 64)
	return ms, err == nil && ms >= 0
}

func (p *properties) withoutExpiration() {
	p.text[propExpiration] = ""
	p.flags &^= flag(propExpiration)
}
