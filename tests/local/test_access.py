"""What a command may do to its repository, in each isolation."""

from backends import on

WRITE = "echo changed >README && mkdir new && rm src/main && cat README && ls"


def look(folder):
    return sorted((str(path), path.lstat().st_mode, path.lstat().st_mtime_ns,
                   path.read_bytes() if path.is_file() else b"") for path in (folder, *folder.rglob("*")))


@on("runsc")
def test_an_ephemeral_repository_takes_writes_and_stays_as_it_was(backend, repository):
    before = look(repository)

    result = backend.result("--access=ephemeral", "--shell", WRITE, cwd=repository)

    assert (result["stdout"], result["returncode"]) == ("changed\nREADME\nnew\nsrc\n", 0)
    assert result["isolation"]["repository"] == "Ephemeral"
    assert look(repository) == before


@on("runsc")
def test_a_repository_that_is_private_to_another_user_is_the_commands_own(backend, repository):
    for path in (repository, *repository.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)

    for access in ("read-only", "ephemeral"):
        assert backend.result(f"--access={access}", "--", "cat", "src/main", cwd=repository)["stdout"] == "main\n"


@on("runsc-rootless")
def test_without_root_a_private_repository_is_refused_with_the_reason(backend, repository):
    repository.chmod(0o700)

    result = backend.result("--", "cat", "README", cwd=repository)

    assert (result["returncode"], result["reason"]) == (125, "RepositoryUnavailable")
    assert "mode 0700" in result["message"] and "map the owners of its files" in result["message"]


@on("runsc-rootless")
def test_without_root_an_ephemeral_repository_is_refused_with_the_reason(backend, repository):
    result = backend.result("--access=ephemeral", "--shell", WRITE, cwd=repository)

    assert (result["returncode"], result["reason"], result["stdout"]) == (125, "RepositoryUnavailable", "")
    assert "map the owners of its files" in result["message"]


@on("docker", "process")
def test_where_it_cannot_be_ephemeral_nothing_runs(backend, repository):
    before = look(repository)

    ran = backend.run("--access=ephemeral", "--shell", WRITE, cwd=repository)

    assert (ran.returncode, ran.stdout) == (125, "")
    assert "phemeral" in ran.stderr
    assert look(repository) == before


@on("runsc")
def test_an_access_that_there_is_not_is_refused(backend, repository):
    ran = backend.run("--access=read-write", "--", "true", cwd=repository)

    assert ran.returncode == 125
    assert "read-only or ephemeral" in ran.stderr
