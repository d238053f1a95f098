<?php
// Takes a price from Redis, and works it out where it is not there.
$cache = new Redis;
$cache->connect('10.0.0.6', 6379);
$price = $cache->get('price');
if ($price === false) {
    $price = 3;
    $cache->set('price', $price);
}
header('Content-Type: text/plain');
echo "tea costs $price\n";
