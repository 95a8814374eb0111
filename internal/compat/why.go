package compat

// reasons say why a kind of change matters where it breaks: to what is sent,
// and to what is received.
var reasons = map[string][2]string{
	"element-required":     {"a message without it was valid and is refused now", "old clients may not expect it"},
	"element-added":        {"what stood in its place was valid and may be refused now", "old clients may not know it"},
	"element-removed":      {"a message that has it was valid and is refused now", "old clients may require it, and do not get it"},
	"element-optional":     {"", "old clients may require it, and may not get it"},
	"element-namespace":    {"a message with the old name was valid and is refused now", "old clients look for the old name"},
	"element-moved":        {"a message in the old order was valid and is refused now", "old clients may expect the old order"},
	"cardinality-narrowed": {"a message with more or fewer of them was valid and is refused now", ""},
	"cardinality-widened":  {"", "old clients may not expect so many, or so few"},
	"content-model":        {"a sequence of elements was valid and is refused now", "old clients may not expect the sequence of elements"},
	"value-removed":        {"a message with that value was valid and is refused now", ""},
	"value-added":          {"", "old clients may not know it"},
	"enumeration-dropped":  {"", "old clients may not know other values"},
	"attribute-required":   {"a message without it was valid and is refused now", "old clients may not expect it"},
	"attribute-added":      {"what a wildcard took was valid and may be refused now", "old clients may not know it"},
	"attribute-removed":    {"a message that has it was valid and is refused now", "old clients may require it, and do not get it"},
	"attribute-optional":   {"", "old clients may require it, and may not get it"},
	"nillable-removed":     {"a message with xsi:nil was valid and is refused now", ""},
	"nillable-added":       {"", "old clients may not expect nothing there"},
	"fixed-added":          {"a message with another value was valid and is refused now", ""},
	"fixed-removed":        {"", "old clients may rely on the one value"},
	"derived-removed":      {"a message whose xsi:type names it was valid and is refused now", ""},
	"derived-added":        {"", "old clients may not know the type"},
	"substitute-removed":   {"a message that has it was valid and is refused now", ""},
	"substitute-added":     {"", "old clients may not know it"},
	"wildcard-narrowed":    {"a message with other elements was valid and is refused now", ""},
	"wildcard-widened":     {"", "old clients may not know what comes with it"},
	"message-element":      {"a message in the old element is refused now", "old clients look for the old element"},
	"message-removed":      {"a message to it is refused now", "old clients wait for it"},
	"fault-added":          {"", "old clients may not know it"},
	"namespace-changed":    {"a message in the old namespace was valid and is refused now", "old clients look for the old namespace"},
}

// notices say why a kind of change needs a look.
var notices = map[string]string{
	"default-changed":      "the same message means something else",
	"default-added":        "a message without a value has one now",
	"default-removed":      "a message without a value has none now",
	"type-renamed":         "a message whose xsi:type names it may be refused now; few senders write that",
	"derived-removed":      "a message whose xsi:type names it may be refused now; few senders write that",
	"header-added":         "senders may be expected to send it; a message without it is not refused by the schema",
	"header-removed":       "senders may still send it",
	"facet-whiteSpace":     "the same text may be another value",
	"wildcard-declared":    "what a wildcard took unseen may be checked now",
	"attribute-wildcard":   "whether all attributes stay valid cannot be told",
	"content-model":        "the content models are too large to be compared in full",
	"content-kind-changed": "clients generated from the contract may read it in another way",
	"style-changed":        "the messages are the same; clients generated from the contract may look different",
	"degraded":             "messages are not checked against schemas that do not compile",
	"checked":              "messages that were not checked before are checked now",
	"address-changed":      "clients generated from the contract call the address in it",
	"port-renamed":         "clients generated from the contract may name it",
	"port-removed":         "clients generated from the contract may name it",
	"policy-added":         "clients that read policies do what it asks; others may have to",
	"policy-removed":       "clients that read policies no longer do what it asks",
}

// why says in a sentence why a change matters.
func why(kind string, d Direction, class Class) string {
	text := ""
	switch class {
	case Breaking:
		if pair := reasons[kind]; d == Received {
			text = pair[1]
		} else {
			text = pair[0]
		}
		if text == "" && d == Received {
			text = "a client of the old version may not be able to read what it receives"
		} else if text == "" {
			text = "a message that was valid may be refused now"
		}
	case Notice:
		if text = notices[kind]; text == "" {
			text = "whether it breaks anything cannot be told from the contracts alone"
		}
	default:
		text = "every message that was valid stays valid"
		if d == Received {
			text = "old clients can read everything they may receive"
		}
	}
	return text
}
