package envelope

import (
	"strings"
	"testing"
)

// TestExchangeHeaders: SAP marks its headers mustUnderstand, and they are.
func TestExchangeHeaders(t *testing.T) {
	const sap = `xmlns:sap="` + NamespaceXI + `" s:mustUnderstand="1"`
	head, err := Peek([]byte(message(ns11, `<sap:Main versionMajor="3" `+sap+`><sap:MessageClass>ApplicationMessage</sap:MessageClass><sap:MessageId> 0050 </sap:MessageId></sap:Main>`+
		`<sap:ReliableMessaging `+sap+`><sap:QualityOfService>ExactlyOnceInOrder</sap:QualityOfService><sap:QueueId>Q1</sap:QueueId></sap:ReliableMessaging>`)), Limits{})
	if err != nil || head.MessageID != "0050" || head.Queue != "Q1" {
		t.Errorf("%q in %q: %v", head.MessageID, head.Queue, err)
	}
	head, err = Peek([]byte(message(ns11, `<sap:Main `+sap+` s:actor="urn:other"><sap:MessageId>1</sap:MessageId></sap:Main>`)), Limits{})
	if err != nil || head.MessageID != "" {
		t.Errorf("for somebody else: %q, %v", head.MessageID, err)
	}
	if _, err := Peek([]byte(message(ns11, `<sap:Main `+sap+`><sap:MessageId>`+strings.Repeat("x", 401)+`</sap:MessageId></sap:Main>`)), Limits{}); err == nil {
		t.Error("a long one is taken")
	}
}
