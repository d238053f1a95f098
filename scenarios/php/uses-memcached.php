<?php
// Takes a price from memcached, and works it out where it is not there.
$cache = new Memcached;
$cache->setOption(Memcached::OPT_POLL_TIMEOUT, 250);
$cache->addServer('10.0.0.6', 11211);
$price = $cache->get('price');
if ($price === false) {
    $price = 3;
    $cache->set('price', $price);
}
header('Content-Type: text/plain');
echo "tea costs $price\n";
