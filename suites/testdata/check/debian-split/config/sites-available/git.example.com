server {
	listen 80;
	listen 443 ssl;
	server_name git.example.com;
	include snippets/tls.conf;

	client_max_body_size 512m;

	location / {
		limit_req zone=perip burst=200 nodelay;
		include snippets/proxy.conf;
		proxy_pass http://gitea;
	}
}
