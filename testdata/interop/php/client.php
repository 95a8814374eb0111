<?php
// PHP's SoapClient, as made from the published WSDL in one document. Reads location, user and
// password from its input; prints "verdict, tab, feature" for each feature.
ini_set('soap.wsdl_cache_enabled', '0');
[$location, $user, $password] = array_map('trim', file('php://stdin'));

const TEXT = 'Käyttäjä & <Söhne> – ½ €';
const WSSE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
const WSA = 'http://www.w3.org/2005/08/addressing';

function client(array $options = [], ?string $service = null): SoapClient {
    global $location, $user, $password;
    return new SoapClient(($service ?? $location) . '?singlewsdl', $options + [
        'cache_wsdl' => WSDL_CACHE_NONE, 'exceptions' => true, 'trace' => true, 'connection_timeout' => 20,
        'login' => $user, 'password' => $password,
    ]);
}

function orders(): SoapClient {
    global $location;
    return client(['features' => SOAP_SINGLE_ELEMENT_ARRAYS], str_replace('interop/BookingService', 'orders/OrderService', $location));
}

function booking(string $number, string $quantity = '12.5'): array {
    return ['MessageId' => $number, 'Number' => $number, 'Text' => TEXT, 'Quantity' => $quantity];
}

function book(SoapClient $client, string $number): void {
    $reply = $client->Book(booking($number));
    if ($reply->Number !== $number) {
        throw new Exception('the reply has ' . $reply->Number);
    }
}

// An XML header block is written by hand: SoapClient knows none of these standards.
function block(string $namespace, string $name, string $xml, bool $must): SoapHeader {
    return new SoapHeader($namespace, $name, new SoapVar($xml, XSD_ANYXML), $must);
}

$features = [
    'soap11' => fn($number) => book(client(['soap_version' => SOAP_1_1]), $number),
    'soap12' => fn($number) => book(client(['soap_version' => SOAP_1_2]), $number),
    'basic' => function ($number) {
        try {
            book(client(['password' => 'wrong']), "$number-wrong");
            throw new Exception('a wrong password is taken');
        } catch (SoapFault $fault) {
            if (!str_contains($fault->faultstring, 'user name or password')) {
                throw new Exception("the wrong password gets {$fault->faultcode}: {$fault->faultstring}");
            }
        }
        book(client(), $number);
    },
    'token' => function ($number) {
        global $user, $password;
        $client = client(['login' => null, 'password' => null]);
        $client->__setSoapHeaders(block(WSSE, 'Security', '<w:Security xmlns:w="' . WSSE . "\"><w:UsernameToken><w:Username>$user</w:Username><w:Password>$password</w:Password></w:UsernameToken></w:Security>", true));
        book($client, $number);
    },
    'fault' => function ($number) {
        try {
            client()->Book(booking($number, '0'));
        } catch (SoapFault $fault) {
            if (($fault->detail->Refused->Code ?? '') !== 'NOTHING' || !str_contains($fault->detail->Refused->Message, $number)) {
                throw new Exception('the detail is ' . print_r($fault->detail ?? null, true));
            }
            return;
        }
        throw new Exception('there is no fault');
    },
    'oneway' => function ($number) {
        if (client()->Tell(['Number' => $number]) !== null) {
            throw new Exception('there is an answer');
        }
    },
    'gzip' => fn($number) => book(client(['compression' => SOAP_COMPRESSION_ACCEPT | SOAP_COMPRESSION_GZIP | 5]), $number),
    'addressing' => function ($number) {
        $id = "urn:php:$number";
        $headers = [
            block(WSA, 'MessageID', '<a:MessageID xmlns:a="' . WSA . "\">$id</a:MessageID>", true),
            block(WSA, 'Action', '<a:Action xmlns:a="' . WSA . '">urn:gatehouse:samples:bookings:1/Ask</a:Action>', true),
        ];
        $client = client();
        $client->__soapCall('Ask', [['Number' => $number]], null, $headers, $answered);
        if (($answered['RelatesTo'] ?? '') !== $id) {
            throw new Exception('the answer relates to ' . print_r($answered, true));
        }
    },
    'attachment' => fn() => 'cannot it has no attachments',
    'repeat' => function ($number) {
        $client = client();
        $first = $client->Book(booking($number));
        $second = $client->Book(booking($number));
        if ($first != $second) {
            throw new Exception('the replies differ');
        }
    },
    'query' => function ($number) {
        $order = orders()->GetOrderStatus(['OrderNumber' => $number]);
        if ($order->OrderNumber !== $number || $order->Status !== 'CONFIRMED') {
            throw new Exception('the order is ' . print_r($order, true));
        }
        try {
            orders()->GetOrderStatus(['OrderNumber' => "$number-no"]);
        } catch (SoapFault $fault) {
            if (($fault->detail->OrderFault->Code ?? '') !== 'UNKNOWN_ORDER') {
                throw new Exception('the detail is ' . print_r($fault->detail ?? null, true));
            }
            return;
        }
        throw new Exception('there is no fault');
    },
    'pages' => function ($number) {
        $client = orders();
        $found = [];
        $after = [];
        do {
            $page = $client->FindOrders(['Customer' => $number, 'PageSize' => 8] + $after);
            foreach ($page->Order as $order) {
                if ($order->Line[0]->Sku !== 'BOLT-M8') {
                    throw new Exception('an order is ' . print_r($order, true));
                }
                $found[$order->OrderNumber] = ($found[$order->OrderNumber] ?? 0) + 1;
            }
            $after = isset($page->After) ? ['After' => $page->After] : [];
        } while ($after);
        if (count($found) !== 25 || max($found) !== 1) {
            throw new Exception('it found ' . print_r($found, true));
        }
    },
];
foreach ($features as $name => $feature) {
    try {
        $verdict = $feature("php-$name") ?? 'ok';
    } catch (Throwable $failure) {
        $verdict = get_class($failure) . ': ' . strtr($failure->getMessage(), "\n\t", '  ');
    }
    echo "$verdict\t$name\n";
}
