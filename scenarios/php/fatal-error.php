<?php
header('Content-Type: text/plain');
echo shop_total(), "\n";
