<?php
// The same page, which gives the other service half a second and does without its answer then.
$impatient = stream_context_create(['http' => ['timeout' => 0.5]]);
$price = @file_get_contents('http://10.0.0.9:8080/price', false, $impatient);
header('Content-Type: text/plain');
echo $price === false ? "the price is not known now\n" : $price;
