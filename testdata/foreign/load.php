<?php
// Loads WSDLs with PHP's SoapClient and looks at every operation and type.
//
// Reads locations from standard input, one a line, and prints for each "ok", a
// tab and the location, or the reason why not in the place of "ok".
ini_set('soap.wsdl_cache_enabled', '0');
ini_set('display_errors', 'stderr');
while (($line = fgets(STDIN)) !== false) {
    $location = trim($line);
    try {
        $client = new SoapClient($location, [
            'cache_wsdl' => WSDL_CACHE_NONE,
            'connection_timeout' => 20,
            'exceptions' => true,
        ]);
        $client->__getFunctions();
        $client->__getTypes();
        $verdict = 'ok';
    } catch (Throwable $e) {
        $verdict = get_class($e) . ': ' . preg_replace('/\s+/', ' ', $e->getMessage());
    }
    echo $verdict, "\t", $location, "\n";
}
