<?php
// The same page, which gives Redis half a second and does without it then.
$price = 3;
try {
    $cache = new Redis;
    $cache->connect('10.0.0.6', 6379, 0.5, null, 0, 0.5);
    $price = $cache->get('price');
    if ($price === false) {
        $price = 3;
        $cache->set('price', $price);
    }
} catch (RedisException $e) {
}
header('Content-Type: text/plain');
echo "tea costs $price\n";
