package scenarios

import (
	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/scenario"
)

// crashes is what a script does to the worker that runs it, or to nginx's buffers: these are real 502s.
var crashes = []scenario.Scenario{segfault(), segfaultLate(), recursionInside(), bigHeader()}

func segfault() scenario.Scenario {
	onFPM := realFPM(fpm, deploy("segfault.php"))
	onFPM.UpstreamLog = "exited on signal 11 (SIGSEGV"
	return scenario.Scenario{
		ID: "php-segfault",
		Claim: "The worker crashes while it runs the script: the kernel resets its connection, nginx answers 502 at once, " +
			"and PHP-FPM starts another worker.",
		Family: "code", Causes: []string{"E2", "I1"},
		Gateway:  onNginx("php.conf"),
		Fault:    "the script makes its worker die by SIGSEGV, as a faulty extension does",
		Variants: []scenario.Variant{onFPM, fakeFPMDoes(fakeupstream.Reset{})},
		Expect:   scenario.Expectation{Status: 502, Tries: 1, Log: resetLine},
		Confirm:  "grep 'exited on signal 11' /var/log/php8.2-fpm.log; journalctl -k | grep segfault names the library.",
		Remedy: "Disable the extension that the kernel's line names (phpdismod -s fpm NAME; systemctl restart php8.2-fpm), " +
			"and update it.",
		Source: "https://www.php.net/manual/en/install.fpm.configuration.php#emergency-restart-threshold",
	}
}

func segfaultLate() scenario.Scenario {
	onFPM := realFPM(fpm, deploy("segfault-late.php"))
	onFPM.UpstreamLog = "exited on signal 11 (SIGSEGV"
	return scenario.Scenario{
		ID: "php-segfault-late",
		Claim: "The worker crashes when a part of the page has been sent: it is too late for a 502, the visitor gets 200 and a page " +
			"that breaks off.",
		Family: "code", Causes: []string{"E2", "I1"},
		Gateway: onNginx("php.conf"),
		Fault:   "the script makes its worker die by SIGSEGV after 19 KB of output",
		Variants: []scenario.Variant{onFPM, fakeFPMDoes(fakeupstream.Reset{
			At: fakeupstream.AtBody, After: 19000, Answer: fakeupstream.Well{BodySize: 40000},
		})},
		Expect: scenario.Expectation{Status: 200, Cut: true, Tries: 1, Log: []scenario.LogLine{
			{Level: "error", Text: "readv() failed", Errno: 104, Phase: "reading upstream"},
		}},
		Confirm: "grep 'while reading upstream' /var/log/nginx/error.log; curl reports transfer closed with outstanding read data.",
		Remedy:  "As for php-segfault: disable the extension that the kernel's line names, and update it.",
		Source:  "https://www.rfc-editor.org/rfc/rfc9112.html#section-8",
	}
}

func recursionInside() scenario.Scenario {
	onFPM := realFPM(fpm, deploy("recursion-inside.php"))
	onFPM.UpstreamLog = "exited on signal 11 (SIGSEGV"
	return scenario.Scenario{
		ID: "php-recursion-inside",
		Claim: "A function that calls itself through one of PHP's own functions uses up the stack of the process before memory_limit counts: " +
			"the worker crashes, nginx answers 502.",
		Family: "code", Causes: []string{"E2"},
		Gateway:  onNginx("php.conf"),
		Fault:    "a function of the script calls itself through array_map() without end",
		Variants: []scenario.Variant{onFPM, fakeFPMDoes(fakeupstream.Reset{})},
		Expect:   scenario.Expectation{Status: 502, Tries: 1, Log: resetLine},
		Confirm:  "grep 'exited on signal 11' /var/log/php8.2-fpm.log each time that one address is asked for, and never for others.",
		Remedy: "Give the function an end. PHP 8.3 and later stop it by themselves, with an error and status 500 " +
			"(zend.max_allowed_stack_size).",
		Source: "https://www.php.net/manual/en/ini.core.php#ini.zend.max-allowed-stack-size",
	}
}

func bigHeader() scenario.Scenario {
	room := []fault.Fault{fpmDirective("php.conf", "fastcgi_buffer_size 16k;\n            fastcgi_buffers 8 16k;")}
	onFPM := realFPM(fpm, deploy("big-header.php"))
	onFPM.Remedy = room
	onFake := fakeFPMDoes(fakeupstream.BigHeader{Size: 8000})
	onFake.Remedy = room
	return scenario.Scenario{
		ID: "php-big-header",
		Claim: "The header of the script's answer is bigger than fastcgi_buffer_size, one page of memory (4 KB) by default: " +
			"nginx throws the good answer away and gives 502.",
		Family: "code", Causes: []string{"E4"},
		Gateway:  onNginx("php.conf"),
		Fault:    "the script sends a header field of 8000 bytes",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   badGateway("upstream sent too big header", 0, readingHeader),
		Confirm:  "grep 'too big header' /var/log/nginx/error.log; PHP-FPM's own logs have no line about it, and count the request as 200.",
		Remedy: "Set fastcgi_buffer_size 16k; and fastcgi_buffers 8 16k; and systemctl reload nginx; " +
			"better, keep cookies and debugging data out of the header.",
		Source: "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_buffer_size",
	}
}
