"""Sends one order with zeep, as made from the WSDL alone, and prints the reply.

usage: call.py location login password
"""
import datetime
import sys
from decimal import Decimal

import requests
import zeep
from requests.auth import HTTPBasicAuth
from zeep.transports import Transport

location, login, password = sys.argv[1:]
session = requests.Session()
session.trust_env = False  # no proxy of the surroundings
session.auth = HTTPBasicAuth(login, password)
client = zeep.Client(location, transport=Transport(session=session, timeout=20, operation_timeout=20))
reply = client.service.SubmitOrder(
    Header={"MessageId": "zeep-1", "SentAt": datetime.datetime(2026, 3, 2, 9, 30, tzinfo=datetime.timezone.utc)},
    Order={
        "OrderNumber": "PO-7001",
        "Status": "SUBMITTED",
        "OrderedAt": datetime.datetime(2026, 3, 2, 11, 29),
        "Currency": "EUR",
        "Customer": {"number": "C-1001", "Name": "Käyttäjä & Co", "Country": "FI"},
        "Lines": {"Line": [{"no": 1, "Sku": "BOLT-M8", "Quantity": Decimal("100"), "Unit": "EA", "UnitPrice": Decimal("0.12")}]},
    },
)
print(reply.OrderNumber, reply.Status)
