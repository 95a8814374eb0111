package contract

// builtin is one row of the type hierarchy of XSD 1.0 part 2 §3.
type builtin struct {
	name, base, primitive, whiteSpace string
	min, max                          string // inclusive bounds, for the integers
	item                              string // item type, for the lists
}

var builtins = []builtin{
	{name: "string", primitive: "string", whiteSpace: "preserve"},
	{name: "boolean", primitive: "boolean"},
	{name: "decimal", primitive: "decimal"},
	{name: "float", primitive: "float"},
	{name: "double", primitive: "double"},
	{name: "duration", primitive: "duration"},
	{name: "dateTime", primitive: "dateTime"},
	{name: "time", primitive: "time"},
	{name: "date", primitive: "date"},
	{name: "gYearMonth", primitive: "gYearMonth"},
	{name: "gYear", primitive: "gYear"},
	{name: "gMonthDay", primitive: "gMonthDay"},
	{name: "gDay", primitive: "gDay"},
	{name: "gMonth", primitive: "gMonth"},
	{name: "hexBinary", primitive: "hexBinary"},
	{name: "base64Binary", primitive: "base64Binary"},
	{name: "anyURI", primitive: "anyURI"},
	{name: "QName", primitive: "QName"},
	{name: "NOTATION", primitive: "NOTATION"},
	{name: "normalizedString", base: "string", primitive: "string", whiteSpace: "replace"},
	{name: "token", base: "normalizedString", primitive: "string"},
	{name: "language", base: "token", primitive: "string"},
	{name: "NMTOKEN", base: "token", primitive: "string"},
	{name: "Name", base: "token", primitive: "string"},
	{name: "NCName", base: "Name", primitive: "string"},
	{name: "ID", base: "NCName", primitive: "string"},
	{name: "IDREF", base: "NCName", primitive: "string"},
	{name: "ENTITY", base: "NCName", primitive: "string"},
	{name: "NMTOKENS", item: "NMTOKEN"},
	{name: "IDREFS", item: "IDREF"},
	{name: "ENTITIES", item: "ENTITY"},
	{name: "integer", base: "decimal", primitive: "decimal"},
	{name: "nonPositiveInteger", base: "integer", primitive: "decimal", max: "0"},
	{name: "negativeInteger", base: "nonPositiveInteger", primitive: "decimal", max: "-1"},
	{name: "long", base: "integer", primitive: "decimal", min: "-9223372036854775808", max: "9223372036854775807"},
	{name: "int", base: "long", primitive: "decimal", min: "-2147483648", max: "2147483647"},
	{name: "short", base: "int", primitive: "decimal", min: "-32768", max: "32767"},
	{name: "byte", base: "short", primitive: "decimal", min: "-128", max: "127"},
	{name: "nonNegativeInteger", base: "integer", primitive: "decimal", min: "0"},
	{name: "unsignedLong", base: "nonNegativeInteger", primitive: "decimal", min: "0", max: "18446744073709551615"},
	{name: "unsignedInt", base: "unsignedLong", primitive: "decimal", min: "0", max: "4294967295"},
	{name: "unsignedShort", base: "unsignedInt", primitive: "decimal", min: "0", max: "65535"},
	{name: "unsignedByte", base: "unsignedShort", primitive: "decimal", min: "0", max: "255"},
	{name: "positiveInteger", base: "nonNegativeInteger", primitive: "decimal", min: "1"},
}

// builtinTypes adds the built-in types to a model and returns xs:anyType.
func builtinTypes(into map[Name]*Type) *Type {
	wild := &Particle{Kind: AnyParticle, Min: 0, Max: Unbounded, Any: &Wildcard{Not: true, Process: "lax"}}
	anyType := &Type{Name: xsdName("anyType"), Mixed: true, AnyAttr: true, Wildcard: wild.Any, Content: wild, filled: complete}
	into[anyType.Name] = anyType
	root := &Type{Name: xsdName("anySimpleType"), Base: anyType, method: ByRestriction, filled: complete,
		Simple: &Simple{Name: xsdName("anySimpleType"), Builtin: "anySimpleType", WhiteSpace: "preserve"}}
	into[root.Name] = root
	for _, b := range builtins {
		t := &Type{Name: xsdName(b.name), Base: root, method: ByRestriction, Simple: b.simple(into), filled: complete}
		if b.base != "" {
			t.Base = into[xsdName(b.base)]
		}
		into[t.Name] = t
	}
	return anyType
}

func (b builtin) simple(known map[Name]*Type) *Simple {
	s := &Simple{Name: xsdName(b.name), Builtin: b.name, Primitive: b.primitive, WhiteSpace: "collapse"}
	if b.whiteSpace != "" {
		s.WhiteSpace = b.whiteSpace
	}
	if b.item != "" {
		one := 1
		s.Variety, s.Item, s.MinLength = List, known[xsdName(b.item)].Simple, &one
	}
	if b.min != "" {
		s.MinInclusive = &b.min
	}
	if b.max != "" {
		s.MaxInclusive = &b.max
	}
	if b.primitive == "decimal" && b.name != "decimal" {
		zero := 0
		s.FractionDigits = &zero
	}
	return s
}
