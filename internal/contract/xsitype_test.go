package contract

import "testing"

// BP 1.2 R1017: xsi:type may be there or not. Clients without a contract at hand
// write it on every element.
func TestDeclaredTypeMayBeNamed(t *testing.T) {
	s := sample(t).Services[0]
	const xsi = ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema"`
	for from, to := range map[string]string{
		"<o:Note>":              `<o:Note` + xsi + ` xmlns:c="urn:gatehouse:samples:common:1" xsi:type="c:LongText">`,
		"<o:RequestedDelivery>": `<o:RequestedDelivery` + xsi + ` xsi:type=" xs:date ">`,
	} {
		if details, _, err := s.Validate(replaced(t, "order-full.xml", from, to), 0); err != nil || len(details) > 0 {
			t.Errorf("%s: error %v\n%s", to, err, lines(details))
		}
	}
}
