<?php
// An import: it changes a row, and waits for another service before it says that it is done.
$db = new mysqli('10.0.0.7', 'import', 'secret', 'shop');
$db->begin_transaction();
$db->query("UPDATE goods SET price = 4 WHERE name = 'tea'");
$price = file_get_contents('http://10.0.0.9:8080/price');
$db->commit();
