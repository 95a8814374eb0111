// Package soap is the SOAP-over-HTTP door: it serves every service of the
// loaded contracts at /soap/<system>/<service>, hands what arrives to the core,
// and renders the core's answers as SOAP 1.1 and 1.2 envelopes.
//
// The package owns everything that is HTTP: media types, content and character
// encodings, size and time limits, Basic authentication, proxies, status codes,
// the published WSDL. It refuses to know what a message means: it peeks at an
// envelope only to hold it against its own media type and transport, and every
// other judgement is the core's.
//
// It is lenient where the field is sloppy and strict where sloppiness is
// unsafe. Quirks met in the field, each with a case in the tests:
//
//   - KDSoap sends an unquoted action parameter; Axis 1.4 and NuSOAP speak
//     HTTP/1.0; .NET sends Expect: 100-continue and may send UTF-16; SOAP::Lite,
//     Savon, WCF and strong-soap send no action in SOAP 1.2.
//   - WCF reads a fault from status 500 only, so SOAP 1.2 sender faults have
//     status 500 unless fault_status_12 says 400; WCF refuses a WS-Addressing
//     header in a reply to a request that had none; its default reply limit of
//     64 KiB bounds our faults.
//   - NuSOAP drops the query when it resolves a relative schemaLocation, and
//     reads a reply without a charset as ISO-8859-1: locations are absolute and
//     the charset is always said.
//   - SOAP::Lite, Mono WCF, KDSoap, Savon and soap4r send credentials only
//     after a challenge.
//
// The WSDL and its schemas are public: they are served without credentials.
package soap
