<?php
// A page that needs the answer of another service, and has been given much patience with it.
$patient = stream_context_create(['http' => ['timeout' => 300]]);
$price = file_get_contents('http://10.0.0.9:8080/price', false, $patient);
header('Content-Type: text/plain');
echo $price;
