# Each target installs what it needs into .venv; none calls sudo or opens the network beyond the package index.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
TOOLS  := $(VENV)/.tools
ARGS   ?=
FUZZ_SECONDS ?= 20

# bytecode is kept, whatever the environment says: the tests start hundreds of processes of this tree
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check crash fleet interop pictures bench fuzz torture proto lock clean

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mx-gateway needs Python 3.11 or newer; set PYTHON=" >&2; exit 69; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing" >&2; exit 69; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(TOOLS): $(READY) requirements-tests.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-tests.lock
	@touch $@

demo: $(READY)      ## two domains, two home servers, two gateways on loopback
	@$(BIN)/mx-gateway demo $(ARGS)

test: $(TOOLS)      ## everything a change must pass
	@tests/require knotd unbound postgres gpg openssl
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

crash: $(TOOLS)     ## a kill at every durable step, power cuts, failing disks: the short form
	@tests/require postgres
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "crash and not torture" tests/crash tests/unit $(ARGS)

fleet: $(TOOLS)     ## whole stories with many programs at once; home servers as an operator has them
	@tests/require knotd unbound postgres postfix strace gpg openssl
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "fleet and not torture" tests/scenario tests/unit/mx_core $(ARGS)

check: $(TOOLS)     ## style, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@for unit in systemd/*.service; do ! command -v systemd-analyze >/dev/null \
	|| systemd-analyze security --offline=true --no-pager --threshold=15 $$unit >/dev/null \
	|| { echo "$$unit: its exposure is above 1.5" >&2; exit 1; }; done

BROWSER := $(VENV)/.browser
$(BROWSER): $(TOOLS) requirements-interop.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-interop.lock
	@touch $@

interop: $(BROWSER) ## real Thunderbird, mutt, neomutt, aerc, mbsync, offlineimap, Chromium; the same commands to Dovecot
	@tests/require thunderbird certutil mutt neomutt aerc mbsync offlineimap tmux dovecot sieve chromium Xvfb
	$(BIN)/python -m pytest -m "interop and not torture" tests/interop tests/differential $(ARGS)

pictures: $(BROWSER) ## every page in Chromium, refusals, weak mail and the first minutes in Thunderbird, into docs/guide/img
	@tests/require chromium thunderbird certutil dovecot Xvfb import mogrify
	@mkdir -p docs/guide/img
	MX_PICTURES=docs/guide/img $(BIN)/python -m pytest -m interop tests/interop/test_page_flow.py tests/interop/test_page_people.py tests/interop/test_seen.py tests/interop/test_first_minutes.py -k "with-scripts or thunderbird or is_seen_of"
	mogrify -strip +dither -colors 96 -define png:compression-level=9 -format png docs/guide/img/*.png

bench: $(TOOLS)     ## figures into bench/results
	$(BIN)/python -m bench $(ARGS)

fuzz: $(TOOLS)      ## every parser of foreign octets for FUZZ_SECONDS
	MX_FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -n 2 --timeout=0 tests/fuzz $(ARGS)

torture: $(TOOLS)   ## full forms of the long sweeps; goes on where the last sitting stopped
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-torture.lock || echo "make torture: atheris has no wheel for this Python, so fuzzing is not guided" >&2
	$(BIN)/python -m pytest -m torture tests $(ARGS)

proto: $(TOOLS)     ## regenerate mx_core/proto
	$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. --grpc_python_out=. mx_core/proto/*.proto

LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url
lock: $(READY)      ## write the locks anew (needs uv): what a person runs, a home server with all extras, the tests
	$(LOCK) --extra build --extra keyring --extra uvloop pyproject.toml -o requirements.lock
	$(LOCK) --extra build --extra uvloop --extra postgresql --extra s3 -c requirements.lock pyproject.toml -o requirements-home.lock
	$(LOCK) --group tests -c requirements.lock -c requirements-home.lock -o requirements-tests.lock

clean:
	rm -rf $(VENV) bench/results
