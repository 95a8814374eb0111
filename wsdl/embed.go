// Package wsdl holds the contracts that come with the gateway: one folder per
// system, each a WSDL with the schemas it imports and, beside them, the typed
// client generated from it.
//
// It is files only. What they mean is the business of internal/contract, which
// reads them through FS like any other folder of contracts.
package wsdl

import "embed"

//go:generate go run github.com/gatehouse/gatehouse/cmd/gatehouse-gen orders/orders.wsdl customers/customers.wsdl

// FS holds every system's contract files, by <system>/<file>.
//
//go:embed */*.wsdl */*.xsd
var FS embed.FS
