server {
	listen 443 ssl;
	server_name metrics.example.com;
	include snippets/tls.conf;

	auth_basic "metrics";
	auth_basic_user_file /etc/nginx/.htpasswd-metrics;

	location / {
		include snippets/proxy.conf;
		proxy_pass http://grafana;
	}

	location /api/live/ {
		include snippets/proxy.conf;
		proxy_set_header Upgrade $http_upgrade;
		proxy_set_header Connection "upgrade";
		proxy_set_header Host $host;
		proxy_pass http://grafana;
	}
}
