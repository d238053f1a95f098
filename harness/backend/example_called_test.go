package backend_test

import (
	"context"
	"fmt"
	"log"

	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
)

// PHP behind nginx, with a script that asks a real MariaDB.
func ExampleMariaDB() {
	askPHP(backend.MariaDB{Name: "database", Listen: "10.0.0.7:3306", SQL: []string{
		"CREATE DATABASE shop", "CREATE TABLE shop.goods (name TEXT)", "INSERT INTO shop.goods VALUES ('tea')",
		"CREATE USER shop IDENTIFIED BY 'secret'", "GRANT ALL ON shop.* TO shop",
	}}.Upstream(), `<?php
$db = new mysqli('10.0.0.7', 'shop', 'secret', 'shop');
echo $db->query('SELECT name FROM goods')->fetch_row()[0];
`)
	// Output:
	// tea
}

// PHP behind nginx, with a script that uses a real memcached.
func ExampleMemcached() {
	askPHP(backend.Memcached{Name: "cache", Listen: "10.0.0.6:11211"}.Upstream(), `<?php
$cache = new Memcached;
$cache->addServer('10.0.0.6', 11211);
$cache->set('name', 'tea');
echo $cache->get('name');
`)
	// Output:
	// tea
}

// PHP behind nginx, with a script that uses a real Redis.
func ExampleRedis() {
	askPHP(backend.Redis{Name: "cache", Listen: "10.0.0.6:6379"}.Upstream(), `<?php
$cache = new Redis;
$cache->connect('10.0.0.6');
$cache->set('name', 'tea');
echo $cache->get('name');
`)
	// Output:
	// tea
}

// askPHP prints the page of a script that calls another server.
func askPHP(called lab.Upstream, script string) {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	fpm := backend.PHPFPM{Name: "app", Listen: "10.0.0.5:9000", Image: "phpapp", Scripts: map[string]string{"/var/www/index.php": script}}
	sandbox, err := l.Open(ctx, lab.Setup{
		Gateway: lab.Gateway{Driver: nginx.Driver, Config: `
events {}
http {
    server {
        listen 80;
        location / {
            include fastcgi_params;
            fastcgi_param SCRIPT_FILENAME /var/www/index.php;
            fastcgi_pass 10.0.0.5:9000;
        }
    }
}
`},
		Upstreams: []lab.Upstream{called, fpm.Upstream()},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()

	x, err := sandbox.Do(ctx, lab.Request{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(x.Body))
	for _, l := range x.Log {
		fmt.Println("   ", l)
	}
}
