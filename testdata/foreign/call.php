<?php
// Sends one order with PHP's SoapClient, as made from the WSDL alone, and prints
// the reply.
//
// usage: php call.php location login password
ini_set('soap.wsdl_cache_enabled', '0');
[, $location, $login, $password] = $argv;
$client = new SoapClient($location, [
    'cache_wsdl' => WSDL_CACHE_NONE,
    'login' => $login,
    'password' => $password,
    'connection_timeout' => 20,
]);
$reply = $client->SubmitOrder([
    'Header' => ['MessageId' => 'php-1', 'SentAt' => '2026-03-02T09:30:00Z'],
    'Order' => [
        'OrderNumber' => 'PO-7002',
        'Status' => 'SUBMITTED',
        'OrderedAt' => '2026-03-02T11:29:00',
        'Currency' => 'EUR',
        'Customer' => ['number' => 'C-1001', 'Name' => 'Käyttäjä & Co', 'Country' => 'FI'],
        'Lines' => ['Line' => [['no' => 1, 'Sku' => 'BOLT-M8', 'Quantity' => '100', 'Unit' => 'EA', 'UnitPrice' => '0.12']]],
    ],
]);
echo $reply->OrderNumber, ' ', $reply->Status, "\n";
