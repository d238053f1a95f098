<?php
// A long report: it keeps its connection to the database while it waits for another service.
$db = new mysqli('10.0.0.7', 'shop', 'secret', 'shop');
echo $db->query('SELECT COUNT(*) FROM goods')->fetch_row()[0];
echo file_get_contents('http://10.0.0.9:8080/price');
