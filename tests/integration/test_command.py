"""The command as people and scripts use it: what it writes where, what it exits with, and what it never tells."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import Command, Outcome, wait_for
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import FlipByte, Redirect, Status
from weighbridge.core.options import HttpOptions, StoreOptions, TransferOptions

TOKEN = "S3CRET-token"
SIGNATURE = "S3CRET-signature"
PASSWORD = "S3CRET-password"


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def promise(server: FaultServer, path: str = "/model.bin") -> tuple[str, str, str]:
    """Return the arguments that ask for a file."""
    return server.url(path), "--digest", f"sha256:{server.digest(path)}"


def sums(server: FaultServer, *paths: str) -> str:
    return "".join(f"{server.digest(path)}  {path[1:]}\n" for path in paths)


class TestOutput:
    def test_paths_and_nothing_else_go_to_standard_output(
        self, command: Command, server: FaultServer, place: Path
    ) -> None:
        """``$(weighbridge get …)`` would hold progress or miss a file."""
        manifest = sums(server, "/model.bin", "/small.bin")

        outcome = command.run("get", server.origin, "--manifest", "-", "-o", place, stdin=manifest)

        assert (outcome.code, outcome.out) == (0, f"{place}/model.bin\n{place}/small.bin\n")
        assert (place / "model.bin").read_bytes() == server.content("/model.bin")

    def test_path_is_absolute_for_a_relative_directory(
        self, command: Command, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A script that changes its directory would look in the wrong place."""
        monkeypatch.chdir(tmp_path)

        outcome = command.run("get", *promise(server))

        assert outcome.out == f"{tmp_path}/model.bin\n"

    def test_summary_is_the_last_line_of_standard_error(
        self, command: Command, server: FaultServer, place: Path
    ) -> None:
        """Nobody would know how much came, how fast, and whether it was checked."""
        outcome = command.run("get", *promise(server), "-o", place)

        assert re.fullmatch(
            r"1 file, 1\.05 MB in [\d.]+ s \([\d.]+ [kM]B/s\), 0 B resumed, verified sha256",
            outcome.err.splitlines()[-1],
        )

    def test_second_run_asks_for_nothing(self, command: Command, server: FaultServer, place: Path) -> None:
        """What is there and right would be fetched again."""
        command.run("get", *promise(server), "-o", place)
        before = len(server.requests)

        outcome = command.run("get", *promise(server), "-o", place)

        assert (outcome.code, len(server.requests)) == (0, before)
        assert "1 already there" in outcome.err

    def test_unverified_files_are_called_so(self, command: Command, server: FaultServer, place: Path) -> None:
        """A summary would promise a check that nobody made."""
        outcome = command.run("get", server.url("/small.bin"), "--allow-unverified", "-o", place)

        assert (outcome.code, outcome.err.splitlines()[-1].endswith("1 not verified")) == (0, True)

    def test_quiet_success_writes_nothing(self, command: Command, server: FaultServer, place: Path) -> None:
        """A cron job would send mail each night."""
        assert command.run("get", *promise(server), "-q", "-o", place) == Outcome(0, "", "")

    def test_quiet_failure_still_tells_the_error(self, command: Command, server: FaultServer, place: Path) -> None:
        """A cron job would fail in silence."""
        outcome = command.run("get", server.url("/absent"), "--allow-unverified", "-q", "-o", place)

        assert re.fullmatch(r"error: .*404\nhelp: weighbridge explain BadStatusError\n", outcome.err)

    def test_log_gets_plain_lines(self, command: Command, server: FaultServer, place: Path) -> None:
        """A log would be full of escape codes and half-drawn bars."""
        outcome = command.run("get", *promise(server), "-o", place)

        assert ("\x1b" in outcome.err, "\r" in outcome.err) == (False, False)
        assert outcome.err.startswith("model.bin: started\nmodel.bin: done, 1.05 MB in ")

    def test_terminal_gets_bars_while_the_paths_go_into_the_pipe(
        self, command: Command, server: FaultServer, place: Path
    ) -> None:
        """Bars would be mixed into what a script reads, or be missing where somebody looks."""
        ours, theirs = pty.openpty()

        process = subprocess.run(
            command.line("get", *promise(server), "-o", place),
            env={**command.environment, "TERM": "xterm", "COLUMNS": "120"},
            stdout=subprocess.PIPE,
            stderr=theirs,
            timeout=30,
            check=False,
        )
        os.close(theirs)
        shown = _read_all(ours)

        assert process.stdout.decode() == f"{place}/model.bin\n"
        assert ("\x1b[?25l" in shown, "100 %" in shown, "\x1b[?25h" in shown) == (True, True, True)

    def test_closed_standard_output_ends_it_without_a_traceback(
        self, command: Command, server: FaultServer, place: Path
    ) -> None:
        """``weighbridge get … | head -1`` would end in a page of Python."""
        process = command.start("get", *promise(server), "-q", "--json", "-o", place)
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None

        outcome = wait_for(process)

        assert (outcome.code, outcome.err) == (141, "")

    def test_closed_standard_error_is_no_trouble(self, command: Command, server: FaultServer, place: Path) -> None:
        """A service started without standard error could not download."""
        line = command.line("get", *promise(server), "-o", place)

        process = subprocess.run(
            ["sh", "-c", '"$@" 2>&-', "sh", *line],
            env=command.environment,
            stdout=subprocess.PIPE,
            timeout=30,
            check=False,
        )

        assert (process.returncode, process.stdout.decode()) == (0, f"{place}/model.bin\n")


class TestJson:
    def test_events_tell_the_whole_story(self, command: Command, server: FaultServer, place: Path) -> None:
        """A program would have to read text that is meant for people."""
        outcome = command.run("get", *promise(server), "--json", "-o", place)

        kinds = [each["event"] for each in outcome.events]
        finished = outcome.event("finished")
        assert (kinds[:2], kinds[-2:]) == (["planned", "started"], ["finished", "summary"])
        assert finished | {"seconds": 0} == {
            "event": "finished",
            "name": "model.bin",
            "path": str(place / "model.bin"),
            "size": 1 << 20,
            "digest": f"sha256:{server.digest('/model.bin')}",
            "outcome": "fetched",
            "bytes_fetched": 1 << 20,
            "bytes_resumed": 0,
            "seconds": 0,
            "source": server.url("/model.bin"),
        }
        assert (outcome.code, outcome.err) == (0, "")

    def test_error_has_its_type_facts_and_exit_code(self, command: Command, server: FaultServer, place: Path) -> None:
        """A program could not tell one failure from another."""
        outcome = command.run("get", server.url("/absent"), "--allow-unverified", "--json", "-o", place)

        error = outcome.event("error")
        assert (error["type"], error["facts"]["status"], error["exit_code"]) == ("BadStatusError", 404, outcome.code)
        assert (outcome.events[-1]["event"], outcome.events[-1]["exit_code"]) == ("summary", outcome.code)

    def test_refusal_before_anything_was_planned_is_an_event_too(self, command: Command, place: Path) -> None:
        """A program would get an empty answer for a mistake in its arguments."""
        outcome = command.run("get", "ftp://host/x", "--json", "-o", place)

        assert ([each["event"] for each in outcome.events], outcome.code) == (["error", "summary"], 2)


class TestExitCodes:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["get", "--no-such-option"],
            ["get", "--connections", "many"],
            ["get"],
            ["no-such-verb"],
            ["get", "ftp://host/x", "--allow-unverified"],
            ["get", "https://host/", "--allow-unverified"],
            ["get", "https://host/x", "--digest", "md5:1"],
            ["get", "https://host/x", "--allow-unverified", "--limit-rate", "fast"],
            ["get", "https://host/x", "--allow-unverified", "--timeout", "nan"],
            ["get", "https://host/x", "--allow-unverified", "--connections", "0"],
            ["get", "--manifest", "/no/such/file"],
            ["get", "http://host.example/x", "--allow-unverified", "--header", "Authorization: over plain http"],
        ],
    )
    def test_what_can_not_be_asked_is_2(self, command: Command, arguments: list[str]) -> None:
        """A script would try again what can never work."""
        outcome = command.run(*arguments)

        assert (outcome.code, outcome.out, outcome.err.count("error: ")) == (2, "", 1)

    def test_manifest_error_is_2_and_tells_the_line(self, command: Command) -> None:
        """A list of a thousand lines would be wrong somewhere."""
        outcome = command.run("get", "--manifest", "-", stdin="https://h/x\n  dir=/tmp\n")

        assert (outcome.code, "line 2" in outcome.err) == (2, True)

    def test_bytes_that_could_not_be_had_are_3(self, command: Command, server: FaultServer, place: Path) -> None:
        """A script would not know that trying later may help."""
        server.on(fault=Status(503))

        outcome = command.run("get", *promise(server), "--retries", "0", "-o", place)

        assert (outcome.code, "explain RetriesExhaustedError" in outcome.err) == (3, True)

    def test_wrong_bytes_are_4_and_nothing_is_at_the_path(
        self, command: Command, server: FaultServer, place: Path
    ) -> None:
        """A script would use a damaged model."""
        server.on(fault=FlipByte(5000))

        outcome = command.run("get", *promise(server), "-o", place)

        assert (outcome.code, outcome.out, list(place.iterdir())) == (4, "", [])

    def test_directory_in_the_way_is_5(self, command: Command, server: FaultServer, place: Path) -> None:
        """A mistake on this machine would look like one of the server."""
        (place / "model.bin").mkdir(parents=True)

        assert command.run("get", *promise(server), "-o", place).code == 5

    def test_full_disk_is_6(self, command: Command, server: FaultServer, place: Path) -> None:
        """A script could not make room and go on."""
        server.put("/huge.bin", SparseFile(1 << 50))

        outcome = command.run("get", server.url("/huge.bin"), "--digest", "md5:" + "0" * 32, "-o", place)

        assert (outcome.code, "explain DiskFullError" in outcome.err) == (6, True)

    def test_missing_file_offline_is_7(self, command: Command, server: FaultServer, place: Path) -> None:
        """A script could not ask whether all is there."""
        outcome = command.run("get", *promise(server), "--offline", "-o", place)

        assert (outcome.code, server.requests) == (7, [])

    def test_missing_digest_is_8_and_the_message_says_what_to_do(
        self, command: Command, server: FaultServer, place: Path
    ) -> None:
        """A file that nobody can check would be taken in silence."""
        outcome = command.run("get", server.url("/model.bin"), "-o", place)

        assert (outcome.code, server.requests) == (8, [])
        assert "--allow-unverified" in outcome.err

    def test_holder_that_makes_no_progress_is_9(self, command: Command, server: FaultServer, place: Path) -> None:
        """A process that hangs would make all others hang."""
        with server.gate("/model.bin", after=100_000) as gate:
            holder = command.start("get", *promise(server), "-o", place)
            gate.wait_reached()

            outcome = command.run("get", *promise(server), "--wait", "1", "-o", place)

        assert (outcome.code, "waiting for another process" in outcome.err) == (9, True)
        assert wait_for(holder).code == 0

    def test_output_that_takes_nothing_is_1(self, command: Command, server: FaultServer, place: Path) -> None:
        """A list of paths that was cut by a full disk would count as whole."""
        with Path("/dev/full").open("wb") as full:
            process = subprocess.run(
                command.line("get", *promise(server), "-o", place),
                env=command.environment,
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=30,
                check=False,
            )

        assert (process.returncode, b"Traceback" in process.stderr) == (1, False)
        assert b"No space left" in process.stderr

    @pytest.mark.parametrize("arguments", [["--debug", "get"], ["get", "--debug"]])
    def test_where_it_was_raised_is_told_wherever_that_is_asked(self, command: Command, arguments: list[str]) -> None:
        """A user asked for more would have to know on which side of the verb to ask."""
        outcome = command.run(*arguments)

        assert (outcome.code, "cli/requests.py" in outcome.err) == (2, True)

    @pytest.mark.parametrize(
        ("arguments", "hint"),
        [(["--no-such"], "weighbridge --help"), (["get", "--no-such"], "weighbridge get --help")],
    )
    def test_unknown_option_points_to_the_help_of_its_verb(
        self, command: Command, arguments: list[str], hint: str
    ) -> None:
        """A typo would be a dead end."""
        outcome = command.run(*arguments)

        assert (outcome.code, outcome.err.splitlines()[-1]) == (2, f"help: {hint}")


class TestManifests:
    @pytest.mark.parametrize("options", [[], ["--tag"], ["--binary"]])
    def test_what_sha256sum_writes_is_read(
        self, command: Command, server: FaultServer, place: Path, tmp_path: Path, options: list[str]
    ) -> None:
        """The lists that publishers put beside their files could not be used."""
        server.put("/v1/sub dir/é (1)+.bin", SparseFile(5000, seed=3))
        original = tmp_path / "original"
        (original / "sub dir").mkdir(parents=True)
        (original / "sub dir" / "é (1)+.bin").write_bytes(server.content("/v1/sub dir/é (1)+.bin"))
        written = subprocess.run(
            ["sha256sum", *options, "./sub dir/é (1)+.bin"], cwd=original, capture_output=True, check=True
        )
        (tmp_path / "SUMS").write_bytes(written.stdout)

        outcome = command.run("get", server.url("/v1"), "--manifest", tmp_path / "SUMS", "-o", place)

        assert (outcome.code, outcome.out) == (0, f"{place}/sub dir/é (1)+.bin\n")

    def test_aria2_list_names_mirrors_that_are_used(
        self, command: Command, server: FaultServer, mirror: FaultServer, place: Path
    ) -> None:
        """A second source would be ignored when the first one is down."""
        server.on(fault=Status(404))
        text = f"{server.url('/model.bin')}\t{mirror.url('/model.bin')}\n"
        text += f"  out=named.bin\n  checksum=sha-256={mirror.digest('/model.bin')}\n"

        outcome = command.run("get", "--manifest", "-", "-o", place, stdin=text)

        assert (outcome.code, outcome.out) == (0, f"{place}/named.bin\n")

    def test_mirror_directory_serves_every_file(
        self, command: Command, server: FaultServer, mirror: FaultServer, place: Path
    ) -> None:
        """A local mirror would have to be given once for each file."""
        server.on(fault=Status(404))
        manifest = sums(server, "/model.bin", "/small.bin")

        outcome = command.run(
            "get", server.origin, "--manifest", "-", "--mirror", f"{mirror.origin}/", "-o", place, stdin=manifest
        )

        assert (outcome.code, {each.path for each in mirror.requests}) == (0, {"/model.bin", "/small.bin"})

    def test_warning_does_not_stop_it(self, command: Command, server: FaultServer, place: Path) -> None:
        """A list made for aria2 would have to be cleaned by hand."""
        text = f"{server.url('/small.bin')}\n  split=5\n  checksum=md5={server.digest('/small.bin', 'md5')}\n"

        outcome = command.run("get", "--manifest", "-", "-o", place, stdin=text)

        assert (outcome.code, outcome.err.splitlines()[0]) == (
            0,
            "warning: line 2 of the manifest: the option 'split' is ignored",
        )

    def test_quiet_means_quiet_about_warnings(self, command: Command, server: FaultServer, place: Path) -> None:
        """A job that mails what it finds on standard error would send one each night."""
        text = f"{server.url('/small.bin')}\n  split=5\n  checksum=md5={server.digest('/small.bin', 'md5')}\n"

        outcome = command.run("get", "--manifest", "-", "--quiet", "-o", place, stdin=text)

        assert (outcome.code, outcome.err) == (0, "")

    def test_closed_standard_input_is_told(self, place: Path) -> None:
        """A service has none, and its log would show an internal error."""
        script = [sys.executable, "-m", "weighbridge", "get", "--manifest", "-", "-o", str(place)]

        outcome = subprocess.run(
            ["sh", "-c", 'exec "$@" <&-', "sh", *script], capture_output=True, text=True, check=False
        )

        assert (outcome.returncode, outcome.stderr.splitlines()[0]) == (
            2,
            "error: the manifest can't be read: standard input is closed",
        )


class TestSecrets:
    @pytest.mark.parametrize(
        ("path", "options"),
        [
            ("/model.bin", []),
            ("/model.bin", ["--json"]),
            ("/absent.bin", ["--debug"]),
            ("/absent.bin", ["--debug", "--json"]),
            ("/broken.bin", ["--debug", "--retries", "1"]),
            ("/away.bin", ["--debug", "--json", "--retries", "0"]),
        ],
    )
    def test_no_output_holds_a_secret(
        self, command: Command, server: FaultServer, place: Path, path: str, options: list[str]
    ) -> None:
        """A token or a signed URL would be in the log of every job."""
        server.put("/broken.bin", b"x" * 1000)
        server.on(path="/broken.bin", fault=FlipByte(5))
        server.on(path="/away.bin", fault=Redirect(f"http://127.0.0.1:1/x?sig={SIGNATURE}"))
        host = server.origin.removeprefix("http://")
        url = f"http://user:{PASSWORD}@{host}{path}?X-Signature={SIGNATURE}"
        digest = server.digest("/model.bin")

        outcome = command.run("get", url, "--digest", digest, "--header", f"X-Token: {TOKEN}", *options, "-o", place)

        assert server.requests[0].headers["x-token"] == TOKEN
        assert "S3CRET" not in outcome.out + outcome.err

    def test_nothing_on_disk_holds_a_secret(self, command: Command, server: FaultServer, place: Path) -> None:
        """A token would be kept beside an unfinished file."""
        with server.gate("/model.bin", after=100_000) as gate:
            url, *digest = promise(server)
            process = command.start(
                "get", f"{url}?sig={SIGNATURE}", *digest, "--header", f"X-Token: {TOKEN}", "-o", place
            )
            gate.wait_reached()
            process.kill()
            wait_for(process)

        kept = b"".join(each.read_bytes() for each in place.rglob("*") if each.is_file())
        assert (bool(kept), b"S3CRET" in kept) == (True, False)

    @pytest.mark.parametrize("options", [[], ["--debug"], ["get", "--connections"], ["explain", "x"]])
    @pytest.mark.parametrize("quote", ["", "'"])
    def test_mistyped_arguments_are_told_without_their_secrets(
        self, command: Command, options: list[str], quote: str
    ) -> None:
        """A forgotten ``get`` would print the signed URL."""
        outcome = command.run(*options, f"https://user:{PASSWORD}@host/x?a={quote}b&sig={SIGNATURE}")

        assert (outcome.code, "S3CRET" in outcome.err) == (2, False)

    def test_headers_from_a_file_go_to_the_primary_and_to_nobody_else(
        self, command: Command, server: FaultServer, mirror: FaultServer, place: Path
    ) -> None:
        """A token would reach a mirror, or the host that a redirect leads to."""
        headers = command.home / "headers"
        headers.write_text(f"Authorization: Bearer {TOKEN}\n", encoding="utf-8")
        server.on(path="/model.bin", fault=Redirect(mirror.url("/model.bin")))
        url, *digest = promise(server)

        outcome = command.run(
            "get", url, *digest, "--mirror", f"{mirror.origin}/", "--header", f"@{headers}", "-o", place
        )

        assert outcome.code == 0
        assert {each.headers.get("authorization") for each in server.requests} == {f"Bearer {TOKEN}"}
        assert {each.headers.get("authorization") for each in mirror.requests} == {None}


class TestHelp:
    @pytest.mark.parametrize("arguments", [[], ["--help"], ["get", "--help"]])
    def test_help_has_examples_and_goes_to_standard_output(self, command: Command, arguments: list[str]) -> None:
        """A newcomer would have to guess, and could not page what is shown."""
        outcome = command.run(*arguments)

        assert (outcome.code, outcome.err, outcome.out.count("weighbridge get https://") >= 2) == (0, "", True)

    @pytest.mark.parametrize("arguments", [[], ["get"], ["explain"]])
    def test_short_form_of_help_is_the_same(self, command: Command, arguments: list[str]) -> None:
        """A habit from other commands would be an error here."""
        assert command.run(*arguments, "-h") == command.run(*arguments, "--help")

    def test_help_tells_the_defaults_that_hold(self, command: Command) -> None:
        """A number changed in the options would stay wrong in the help."""
        http, transfer, wait_s = HttpOptions(), TransferOptions(), StoreOptions().wait_timeout_s

        shown = re.sub(r"\s+", " ", command.run("get", "--help").out)

        assert re.findall(r"(--[a-z]+) [A-Z]+ [^\[\]\n]+ \[default: (.+?)\]", shown.replace(" --", "\n--")) == [
            ("--output", "."),
            ("--connections", str(transfer.connections)),
            ("--files", str(transfer.files)),
            ("--timeout", f"{http.connect_timeout_s:g} and {http.read_timeout_s:g}"),
            ("--retries", str(transfer.retry.attempts - 1)),
            ("--wait", f"{wait_s:g}"),
        ]

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_completion_script_is_written(self, tmp_path: Path, shell: str) -> None:
        """A user of that shell would have to type it all."""
        outcome = Command(tmp_path, {"_WEIGHBRIDGE_COMPLETE": f"{shell}_source"}).run()

        assert (outcome.code, "weighbridge" in outcome.out, outcome.err) == (0, True, "")

    @pytest.mark.parametrize(
        ("typed", "completed"),
        [
            ("ex", "plain,explain"),
            ("get --man", "plain,--manifest"),
            ("get --manifest S", "file,S"),
            ("get -o mod", "file,mod"),
        ],
    )
    def test_words_are_completed(self, tmp_path: Path, typed: str, completed: str) -> None:
        """The script would be there and do nothing."""
        words = f"weighbridge {typed}"
        asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_WEIGHBRIDGE_COMPLETE": "bash_complete"}

        assert Command(tmp_path, asked).run().out == f"{completed}\n"

    def test_version_is_told(self, command: Command) -> None:
        """A report of a bug would not say of what."""
        assert re.fullmatch(r"weighbridge \d+\.\d+\.\d+\S*\n", command.run("--version").out)

    def test_error_is_explained_whatever_its_case(self, command: Command) -> None:
        """The help that every error points to would not be there."""
        outcome = command.run("explain", "diskfullerror")

        assert (outcome.code, outcome.out.startswith("DiskFullError\n\nThere is not enough room")) == (0, True)

    def test_unknown_error_gets_a_suggestion(self, command: Command) -> None:
        """A typo would be a dead end."""
        outcome = command.run("explain", "DiskFull")

        assert (outcome.code, "did you mean DiskFullError?" in outcome.err) == (2, True)

    def test_list_of_errors_has_one_line_each(self, command: Command) -> None:
        """Nobody could find an error whose name is forgotten."""
        lines = command.run("explain").out.splitlines()

        assert [line for line in lines if re.match(r"StalledError +A connection ", line)]

    def test_help_does_not_wait_for_what_it_does_not_need(self, command: Command) -> None:
        """``weighbridge --help`` would take half a second."""
        code = "import sys; from weighbridge.cli.main import run; run(['--help']); print(*sys.modules, file=sys.stderr)"

        process = subprocess.run([sys.executable, "-c", code], env=command.environment, capture_output=True, check=True)

        loaded = set(process.stderr.decode().split())
        assert loaded & {"urllib3", "rich", "weighbridge.client", "weighbridge.core.errors", "ssl"} == set()


def _read_all(descriptor: int) -> str:
    """Return all that a terminal was sent; Linux says EIO at its end."""
    pieces = []
    while True:
        try:
            piece = os.read(descriptor, 65536)
        except OSError:
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(descriptor)
    return b"".join(pieces).decode()
