//go:build race

package ldap_test

const raceDetector = true
