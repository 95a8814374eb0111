"""zeep, as made from the published WSDL.

Reads location, user and password from its input; prints "verdict, tab, feature"
for each feature.
"""
import gzip
import sys
from decimal import Decimal

import requests
import zeep
from requests.auth import HTTPBasicAuth
from zeep import wsa
from zeep.plugins import HistoryPlugin
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

location, user, password = (line.strip() for line in sys.stdin)
TEXT = "Käyttäjä & <Söhne> – ½ €"
BINDING = "{urn:gatehouse:samples:bookings:1}Bookings"
ADDRESSING = "{http://www.w3.org/2005/08/addressing}"


class Compressing(Transport):
    """zeep leaves compression to its transport."""

    def post(self, address, message, headers):
        return super().post(address, gzip.compress(message), {**headers, "Content-Encoding": "gzip"})


def client(port="Bookings11", login=True, secret=None, transport=Transport, service=location, **more):
    session = requests.Session()
    session.trust_env = False  # no proxy of the surroundings
    if login:
        session.auth = HTTPBasicAuth(user, secret or password)
    return zeep.Client(service + "?wsdl", port_name=port, transport=transport(session=session, timeout=20, operation_timeout=20), **more)


def booking(number, quantity="12.5"):
    return {"MessageId": number, "Number": number, "Text": TEXT, "Quantity": Decimal(quantity)}


def book(c, number):
    reply = c.service.Book(**booking(number))
    assert reply.Number == number, reply


def basic(number):
    try:
        book(client(secret="wrong"), number + "-wrong")
    except zeep.exceptions.Error as refused:
        assert getattr(refused, "status_code", 401) == 401, refused
    else:
        raise AssertionError("a wrong password is taken")
    book(client(), number)


def fault(number):
    c = client()
    try:
        c.service.Book(**booking(number, "0"))
    except zeep.exceptions.Fault as refused:
        detail = c.get_element("{urn:gatehouse:samples:bookings:1}Refused").parse(refused.detail[0], c.wsdl.types)
        assert detail.Code == "NOTHING" and number in detail.Message, detail
        return
    raise AssertionError("there is no fault")


def oneway(number):
    assert client().service.Tell(Number=number) is None


def addressing(number):
    history = HistoryPlugin()
    c = client(plugins=[wsa.WsAddressingPlugin(), history])
    c.service.Ask(Number=number)
    sent = history.last_sent["envelope"].findtext(".//" + ADDRESSING + "MessageID")
    related = history.last_received["envelope"].findtext(".//" + ADDRESSING + "RelatesTo")
    assert sent and sent == related, (sent, related)


def repeat(number):
    c = client()
    first, second = c.service.Book(**booking(number)), c.service.Book(**booking(number))
    assert first == second, (first, second)


def orders(port):
    return client(port, service=location.replace("interop/BookingService", "orders/OrderService"))


def query(number):
    c = orders("OrderPort11")
    order = c.service.GetOrderStatus(OrderNumber=number)
    assert (order.OrderNumber, order.Status, order.Shipment) == (number, "CONFIRMED", []), order
    try:
        c.service.GetOrderStatus(OrderNumber=number + "-no")
    except zeep.exceptions.Fault as refused:
        detail = c.get_element("{urn:gatehouse:samples:orders:1}OrderFault").parse(refused.detail[0], c.wsdl.types)
        assert detail.Code == "UNKNOWN_ORDER", detail
        return
    raise AssertionError("there is no fault")


def pages(number):
    c, found, after = orders("OrderPort12"), [], None
    while True:
        page = c.service.FindOrders(Customer=number, PageSize=8, After=after)
        for order in page.Order:
            assert [line.Sku for line in order.Line] == ["BOLT-M8"] and order.Line[0].Quantity == Decimal("12.5"), order
            found.append(order.OrderNumber)
        after = page.After
        if after is None:
            break
    assert len(found) == len(set(found)) == 25, found


features = {
    "soap11": lambda n: book(client(), n),
    "soap12": lambda n: book(client("Bookings12"), n),
    "basic": basic,
    "token": lambda n: book(client(login=False, wsse=UsernameToken(user, password)), n),
    "fault": fault,
    "oneway": oneway,
    "gzip": lambda n: book(client(transport=Compressing), n),
    "addressing": addressing,
    "attachment": lambda n: "cannot it reads attachments and sends none",
    "repeat": repeat,
    "query": query,
    "pages": pages,
}
for name, feature in features.items():
    try:
        verdict = feature("zeep-" + name) or "ok"
    except Exception as failure:
        verdict = f"{type(failure).__name__}: {failure}".replace("\n", " ").replace("\t", " ")
    print(verdict, name, sep="\t")
