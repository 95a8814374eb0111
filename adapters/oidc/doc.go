// Package oidc proves bearer tokens: JSON Web Tokens (RFC 7519, RFC 9068) that an
// OpenID Connect issuer has signed. Which user of the directory a token stands
// for, a claim says.
//
// Keys come from the issuer alone, by HTTPS, and are kept; a token never brings
// its own. What the package refuses: tokens without a signature, with a symmetric
// one, encrypted ones, opaque ones, and those bound to a key whose proof it
// cannot check. It knows nothing of scopes and roles: what a sender may do, the
// groups of the directory say.
package oidc
