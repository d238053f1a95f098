<?php
// An import: it locks the table, and waits for another service with the lock in its hand.
$db = new mysqli('10.0.0.7', 'import', 'secret', 'shop');
$db->query('LOCK TABLES goods WRITE');
$price = file_get_contents('http://10.0.0.9:8080/price');
$db->query("UPDATE goods SET price = 4 WHERE name = 'tea'");
