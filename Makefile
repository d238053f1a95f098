# badgateway: make test-scenarios is the main job, make test is everything.

GO      ?= go
BIN     := bin/badgateway
REPORTS ?= report
# CGO stays off for the command: it is also the program inside the lab's containers, whatever their libc. Git is not asked
# for the version, as it refuses in a checkout that belongs to another user.
BUILD   := CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "-s -w" -o $(BIN) ./cmd/badgateway

.PHONY: help build images test-scenarios test test-unit test-suites test-images test-known test-engines fuzz fuzz-quick bench cover stress hostile kills lint format clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

build: ## Build the command into ./bin
	@$(BUILD)

images: build ## Get the images that the labs need
	@$(BIN) images

test-scenarios: build ## The main job: run the catalogue (SCENARIOS='fpm-* family:time' picks, FLAGS='--gateway-image nginx:1.29' adds)
	@set -f; $(BIN) run --all --reports "$(REPORTS)" $(FLAGS) $(SCENARIOS)

test: images test-unit fuzz-quick test-scenarios ## Everything: unit tests with the race detector, the catalogue, the suites
	@$(MAKE) --no-print-directory test-suites CATALOGUE=sample

test-unit: ## Unit tests, with the race detector (which needs a C compiler; as root on Debian it is installed)
	$(GO) vet ./...
	@command -v $${CC:-gcc} >/dev/null || { test "$$(id -u)" = 0 && apt-get -qq update && apt-get -qq install -y gcc libc6-dev; } || \
	    { echo 'the race detector needs gcc: sudo apt-get install gcc libc6-dev'; exit 1; }
	$(GO) test -race $$($(GO) list ./... | grep -v /suites)

test-suites: build ## The suites: the lab's own laws, the command, the catalogue under Ginkgo (CATALOGUE=sample: one of each family and gateway)
	$(GO) test -count=1 -timeout 60m ./suites

# Each target takes its seeds first, which plain go test does too, and then what it makes of them.
FUZZTIME    ?= 1m
FUZZTARGETS ?= .
fuzz: ## Feed random bytes to every reader of untrusted bytes (FUZZTIME=10m for long, FUZZTARGETS='./harness/audit/nginxconf/')
	@set -e; for file in $$(grep -rl --include='*_test.go' '^func Fuzz' $(FUZZTARGETS)); do \
	    for target in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' $$file); do \
	        echo "$$(dirname $$file) $$target"; \
	        $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$file) >.fuzz.out 2>&1 || { cat .fuzz.out; rm -f .fuzz.out; exit 1; }; \
	    done; done; rm -f .fuzz.out

# What takes no time to build: CI makes five hundred inputs for each, as go test can fail at the end of a time. All the others' seeds are in the unit tests.
fuzz-quick:
	@$(MAKE) --no-print-directory fuzz FUZZTIME=500x FUZZTARGETS='fakeupstream harness/audit/nginxconf harness/gateway/nginx harness/terminal harness/internal/agentapi harness/audit/fuzz_test.go harness/diagnose scenarios/knowledge'

# The counters of all programs that are run go to one folder for the unit tests and one for the suites; those of the program
# inside the labs are handed over at the end of each. They are merged, and printed by package. What the program weighs is not
# looked at: with counters it weighs more.
COVER      := $(CURDIR)/cover
COVERFLAGS := -cover -covermode=atomic -coverpkg=github.com/badgateway/badgateway/...
cover: ## Show what the tests cover, by package: unit tests, suites (from inside the labs too), both
	@rm -rf $(COVER); mkdir -p $(COVER)/unit $(COVER)/suites
	CGO_ENABLED=0 $(GO) build -tags=cover $(COVERFLAGS) -o $(COVER)/badgateway ./cmd/badgateway
	$(GO) test -c -tags=cover $(COVERFLAGS) -o $(COVER)/suites.test ./suites
	@failed=0; \
	$(GO) test $(COVERFLAGS) $$($(GO) list ./... | grep -v /suites) -args -test.gocoverdir=$(COVER)/unit || failed=1; \
	( cd suites && GOFLAGS='-tags=cover $(COVERFLAGS)' GOCOVERDIR=$(COVER)/suites BADGATEWAY_AGENT=$(COVER)/badgateway \
	    $(COVER)/suites.test -test.timeout 60m -test.gocoverdir=$(COVER)/suites -ginkgo.skip 'over the link once a run' ) || failed=1; \
	percent() { $(GO) tool covdata percent -i=$$1 | sed -n 's|^[[:space:]]*github.com/badgateway/badgateway/\([^[:space:]]*\).*coverage: \([0-9.]*\)%.*|\1 \2|p' | sort; }; \
	percent $(COVER)/unit >$(COVER)/unit.txt; percent $(COVER)/suites >$(COVER)/suites.txt; \
	percent $(COVER)/unit,$(COVER)/suites >$(COVER)/both.txt; \
	printf '%-40s %6s %6s %6s\n' package unit suites both; \
	join -a 1 -e 0.0 -o 0,1.2,2.2 $(COVER)/unit.txt $(COVER)/suites.txt | join - $(COVER)/both.txt | \
	    awk '{ printf "%-40s %6s %6s %6s\n", $$1, $$2, $$3, $$4 }'; \
	exit $$failed

test-images: build ## Everything on images as others build them (nginx.org's, Bitnami's, OpenResty's, Debian's of four releases); compiles for minutes
	BADGATEWAY_IMAGES=1 $(GO) test -count=1 -timeout 60m ./suites -ginkgo.focus 'image'

test-known: build ## Check configs as well-known projects document them, put all proven mends in, and check again: nothing may be worse (8 minutes)
	BADGATEWAY_KNOWN=1 $(GO) test -count=1 -v -timeout 2h ./suites -ginkgo.focus 'well-known projects' -ginkgo.v

ENGINES ?= all
test-engines: build ## Start other container engines from Debian's packages and run the catalogue on each (ENGINES=podman picks; root, an hour)
	BADGATEWAY_ENGINES='$(ENGINES)' $(GO) test -count=1 -v -timeout 3h ./suites/engines

bench: build ## Measure, as ratios against plain nginx, and grep -c, in the same run
	$(GO) test -run '^$$' -bench ErrorLog ./scenarios/knowledge
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 60m ./suites

N       ?= 30
CHECKS  ?= 4
CONFIGS ?= load-balancer node-pool ingress wordpress-socket caching-edge
stress: build ## Repeat the catalogue N=30 times and the checks of five configs CHECKS=4 times under load; count what differs
	@set -f; failed=0; $(BIN) run --all --repeat $(N) --load $(FLAGS) $(SCENARIOS) || failed=1; \
	for c in $(CONFIGS); do $(BIN) check suites/testdata/check/$$c/config -q --repeat $(CHECKS) --load || failed=1; done; exit $$failed

hostile: ## Check 52 hostile configs of 10 MB but for the measuring, and write a report of 12,000 measurements: each within a minute of processor and 500 MB
	BADGATEWAY_HOSTILE=1 $(GO) test -count=1 -v -timeout 2h -run 'HostileConfigsAreBounded|GreatReportIsBounded|ReadInBoundedMemory' ./cmd/badgateway ./harness/audit/nginxconf

kills: build ## End each command N=30 times at random moments, in every way, and look for what it left
	KILLS=$(N) $(GO) test -count=1 -timeout 3h ./suites -ginkgo.focus 'ended at random moments' -ginkgo.v

# Their versions are pinned here, not in go.mod: who uses the packages need not get them.
STATICCHECK := $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
ERRCHECK    := $(GO) run github.com/kisielk/errcheck@v1.30.0
lint: ## Check the code: its form, vet for three systems, staticcheck, errors that nobody looks at
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'make format mends this'; exit 1; }
	$(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	$(GO) vet -tags cover ./harness/internal/agentapi
	$(STATICCHECK) ./...
	$(ERRCHECK) -ignoretests -exclude .errcheck ./...
	cat .errcheck .errcheck_test | $(ERRCHECK) -exclude /dev/stdin ./...

format: ## Bring the code into form
	gofmt -w .

clean: build ## Remove all that the project ever made: containers, volumes, images, caches
	@$(BIN) clean
	rm -rf bin cover "$(REPORTS)"
