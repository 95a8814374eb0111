package mapping

import "strings"

// patternLength is the most characters that the patterns of a type allow, when
// that is easy to see: character classes, escapes and plain characters, each
// once or {n} or {n,m} times. -1 for everything else.
func patternLength(steps [][]string) int {
	least := -1
	for _, alternatives := range steps {
		most := 0
		for _, p := range alternatives {
			n := simpleLength(p)
			if n < 0 {
				most = -1
				break
			}
			most = max(most, n)
		}
		if most >= 0 && (least < 0 || most < least) {
			least = most
		}
	}
	return least
}

func simpleLength(p string) int {
	total := 0
	for p != "" {
		size := atomSize(p)
		if size < 0 {
			return -1
		}
		p = p[size:]
		times, used := repeats(p)
		if times < 0 {
			return -1
		}
		p, total = p[used:], total+times
	}
	return total
}

// atomSize is the length of the piece that p begins with, which stands for one
// character; -1 when it is something else.
func atomSize(p string) int {
	switch c := p[0]; {
	case c == '[':
		end := strings.IndexByte(p, ']')
		if end < 0 || strings.ContainsAny(p[1:end], `[\`) {
			return -1
		}
		return end + 1
	case c == '\\':
		if len(p) < 2 || p[1] == 'p' || p[1] == 'P' {
			return -1
		}
		return 2
	case strings.IndexByte("(){}|*+?^$", c) >= 0:
		return -1
	}
	for i := range p {
		if i > 0 {
			return i
		}
	}
	return len(p)
}

// repeats reads a quantifier: how many times at most, and its length.
func repeats(p string) (times, used int) {
	switch {
	case p == "" || strings.IndexByte("*+?{", p[0]) < 0:
		return 1, 0
	case p[0] == '?':
		return 1, 1
	case p[0] != '{':
		return -1, 0
	}
	end := strings.IndexByte(p, '}')
	if end < 0 {
		return -1, 0
	}
	body := p[1:end]
	if i := strings.IndexByte(body, ','); i >= 0 {
		body = body[i+1:]
	}
	if body == "" || len(body) > 6 {
		return -1, 0
	}
	for _, c := range body {
		if c < '0' || c > '9' {
			return -1, 0
		}
		times = times*10 + int(c-'0')
	}
	return times, end + 1
}
