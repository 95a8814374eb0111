// Package encoded translates between SOAP encoding (SOAP 1.1 §5, SOAP 1.2 part 2
// §3) and the literal form of the same message, the only one that the rest of
// the gateway knows.
//
// Normalise takes an envelope whose operation is rpc/encoded and returns it with
// its message as the contract's schema wants it: references resolved, accessors
// in order and under their declared names, arrays as sequences of their members,
// and of what senders say about types only what means something to a schema.
// What it finds it can place again in the bytes as received. Append goes the
// other way, for replies.
//
// Where the encoding lets senders choose, everything is taken that means the
// same; where they break it, the message is refused in words. What a contract
// demands is not judged here: that is the validator's, afterwards.
//
// Quirks met in the field, each with a case in the tests:
//
//   - PHP gives the first occurrence of an object an id and refers to it from the
//     others, and writes '#' before an enc:ref in SOAP 1.2; gSOAP does not, and
//     sends no xsi:type. Axis 1.4 puts every object, numbers included, into a
//     multiRef behind the wrapper, and in SOAP 1.2 writes id and ref without a
//     namespace.
//   - Axis names the members of an array after the array, PHP and NuSOAP say item.
//   - Axis and PHP write nil for what is not set, whether the schema lets it be
//     nil or not: where it may be left out, it is.
//   - SOAP::Lite sends accessors in no order, qualified by the wrapper's default
//     namespace, and guesses types by the looks of a value: xsd:float for a
//     decimal, xsd:int for a text of digits, a namespace of its own for classes.
//     Text that is not ASCII it sends as base64Binary, which is refused: nobody
//     can tell it from text that looks so.
//   - PHP without a WSDL calls all objects Struct; associative arrays are Apache's
//     Map, which is taken where the contract takes anything.
//
// The package has no state and does no I/O. It refuses to know doors, mappings
// and what becomes of a message.
package encoded
