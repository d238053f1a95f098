<?php
// Leaves its page in memcached, under the key by which nginx looks for it.
$page = "tea costs 3\n";
$cache = new Memcached;
$cache->addServer('10.0.0.6', 11211);
$cache->set($_SERVER['DOCUMENT_URI'], $page);
header('Content-Type: text/plain');
echo $page;
