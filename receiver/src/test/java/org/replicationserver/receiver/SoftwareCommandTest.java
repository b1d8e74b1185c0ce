package org.replicationserver.receiver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SoftwareCommandTest {
    private static final String BUCKET = "aws-mgn-internal-eu-test-1";
    private static final String UNPAIRED = "amazon-ssm-eu-test-1";
    private static final String OF_ABC = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

    @TempDir
    private Path directory = Path.of("");

    private CommandRun run(String command, String... arguments) {
        List<String> all = new ArrayList<>(List.of("software", command));
        all.addAll(List.of(
                "--set",
                "state.directory=" + directory.resolve("state"),
                "--set",
                "aws.region=eu-test-1",
                "--set",
                "software.mirror-directory=" + directory.resolve("mirror")));
        all.addAll(List.of(arguments));
        return CommandRun.of(all.toArray(String[]::new));
    }

    private void put(String bucket, String key, String content) throws IOException {
        Path file = directory.resolve("mirror").resolve(bucket).resolve(key);
        Files.createDirectories(Objects.requireNonNull(file.getParent()));
        Files.writeString(file, content);
    }

    @Test
    void fetchPrintsWhereTheFileIsAndWhetherItIsNew() throws IOException {
        put(BUCKET, "latest/agent", "abc");
        put("aws-mgn-internal-hashes-eu-test-1", "latest/agent.sha512", OF_ABC);

        CommandRun first = run("fetch", "--bucket", BUCKET, "--key", "latest/agent", "--software-version", "1.2");

        assertThat(first.exitCode()).as(first.err()).isZero();
        assertThat(first.out()).startsWith("agent 1.2 is installed: ").endsWith("versions/agent/1.2/agent\n");
        assertThat(first.err()).contains("agent: 3 bytes of 3 bytes (100 %) from mirror ");
        CommandRun again = run(
                "fetch",
                "https://" + BUCKET + ".s3.eu-test-1.amazonaws.com/latest/agent",
                "--software-version",
                "1.2",
                "--json");
        assertThat(new JsonObject(again.out()).getBoolean("new")).isFalse();
        assertThat(new JsonObject(again.out()).getString("sha512")).isEqualTo(OF_ABC);
    }

    @Test
    void refusalSaysWhatIsAllowedAndWhatToDo() {
        CommandRun refused = run("fetch", "https://example.org/x");

        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.out()).isEmpty();
        assertThat(refused.err().lines())
                .hasSize(2)
                .first()
                .asString()
                .startsWith(
                        "HOST_NOT_LISTED: host=example.org is not on the allow-list; allowed: aws-mgn-clients-eu-test-1.s3.");
        assertThat(run("fetch", "--bucket", UNPAIRED, "--key", "k").err()).startsWith("HASH_NEEDED: ");
        assertThat(run("fetch").exitCode()).as("neither address nor bucket").isEqualTo(2);
        assertThat(run("fetch", "https://x/y", "--bucket", "b", "--key", "k").exitCode())
                .as("both")
                .isEqualTo(2);
        assertThat(run("fetch", "--bucket", "b").exitCode()).as("half").isEqualTo(2);
    }

    @Test
    void anOptionOfAWrongFormIsAWrongCommandLine() {
        for (List<String> wrong :
                List.of(List.of("--name", "../x"), List.of("--software-version", "v1"), List.of("--sha512", "abc"))) {
            CommandRun refused = run("fetch", "--bucket", UNPAIRED, "--key", "k", wrong.get(0), wrong.get(1));

            assertThat(refused.exitCode()).isEqualTo(2);
            assertThat(refused.err()).contains("=" + wrong.get(1) + "; allowed: ");
        }
    }

    @Test
    void withAMirrorTheRegionIsThatOfTheAddress() throws IOException {
        put("aws-mgn-internal-eu-west-1", "latest/agent", "abc");
        put("aws-mgn-internal-hashes-eu-west-1", "latest/agent.sha512", OF_ABC + "  latest/agent\n");

        CommandRun fetched = CommandRun.of(
                "software",
                "fetch",
                "https://aws-mgn-internal-eu-west-1.s3.eu-west-1.amazonaws.com/latest/agent",
                "--set",
                "state.directory=" + directory.resolve("state"),
                "--set",
                "software.mirror-directory=" + directory.resolve("mirror"));

        assertThat(fetched.exitCode()).as(fetched.err()).isZero();
    }

    @Test
    void aSmallObjectHasNoMoreLinesOfProgressThanBeginningAndEnd() throws IOException {
        put(UNPAIRED, "agent", "a".repeat(1 << 20));

        CommandRun refused = run("fetch", "--bucket", UNPAIRED, "--key", "agent", "--sha512", OF_ABC);

        assertThat(refused.err().lines().filter(line -> line.contains(" %) from mirror ")))
                .satisfiesExactly(
                        line -> assertThat(line).contains("(0 %)"),
                        line -> assertThat(line).contains("(100 %)"));
    }

    /** Who gives a signature takes for granted that it is looked at. */
    @Test
    void signatureThatNothingWouldCheckIsRefused() throws IOException {
        put(UNPAIRED, "agent", "abc");

        CommandRun refused = run(
                "fetch",
                "--bucket",
                UNPAIRED,
                "--key",
                "agent",
                "--sha512",
                OF_ABC,
                "--signature",
                "A".repeat(86) + "==");

        assertThat(refused.exitCode()).isEqualTo(2);
        assertThat(refused.err()).contains("software.signing-key-file is not set");
        assertThat(directory.resolve("state")).doesNotExist();
    }

    /** The server could not read what root has made there. */
    @Test
    void rootIsRefusedInTheStoreOfAnotherUser() throws IOException {
        assumeThat(System.getProperty("user.name")).isEqualTo("root");
        put(UNPAIRED, "agent", "abc");
        Path store = Files.createDirectories(directory.resolve("state/software"));
        Files.setOwner(
                store, store.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody"));

        for (CommandRun refused : List.of(
                run("fetch", "--bucket", UNPAIRED, "--key", "agent", "--sha512", OF_ABC), run("rollback", "agent"))) {
            assertThat(refused.exitCode()).isEqualTo(74);
            assertThat(refused.err()).contains("belongs to the user nobody", "Run this as nobody.");
        }
        assertThat(store).isEmptyDirectory();
        assertThat(run("list").exitCode()).as("a look does no harm").isZero();
    }

    @Test
    void linkThatDoesNotLeadToTheCurrentVersionIsNotAsInstalled() throws IOException {
        assertThat(run("verify").out()).isEqualTo("no software is installed\n");
        put(UNPAIRED, "agent", "abc");
        run("fetch", "--bucket", UNPAIRED, "--key", "agent", "--software-version", "1", "--sha512", OF_ABC);
        Path link = directory.resolve("state/software/current/agent");

        Files.delete(link);
        CommandRun missing = run("verify");
        assertThat(missing.exitCode()).isEqualTo(1);
        assertThat(missing.out())
                .isEqualTo("agent 1: damaged: " + link
                        + " is missing; fetch any software, or start the server, which mends it\n");
        Files.createSymbolicLink(link, Path.of("../versions/agent/0"));
        assertThat(run("verify").out())
                .startsWith(
                        "agent 1: damaged: " + link + " leads to ../versions/agent/0 and not to ../versions/agent/1; ");
        run("fetch", "--bucket", UNPAIRED, "--key", "agent", "--software-version", "1", "--sha512", OF_ABC);
        assertThat(run("verify").exitCode())
                .as("mended by whoever opens the store")
                .isZero();
    }

    @Test
    void versionsAreListedVerifiedAndRolledBack() throws IOException {
        assertThat(run("list").out()).isEqualTo("no software is installed\n");
        put(UNPAIRED, "agent", "abc");
        run("fetch", "--bucket", UNPAIRED, "--key", "agent", "--software-version", "1", "--sha512", OF_ABC);
        put(UNPAIRED, "agent", "");
        String ofNothing = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
                + "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
        CommandRun empty =
                run("fetch", "--bucket", UNPAIRED, "--key", "agent", "--software-version", "2", "--sha512", ofNothing);
        assertThat(empty.exitCode()).as(empty.err()).isZero();

        assertThat(run("list").out().lines())
                .satisfiesExactly(
                        line -> assertThat(line)
                                .matches("\\* agent 2, 0 bytes, installed [-0-9]{10}T[:0-9]{8}Z from .*"),
                        line -> assertThat(line).startsWith("  agent 1, 3 bytes, installed "));
        assertThat(run("verify").out()).isEqualTo("agent 2: as installed\nagent 1: as installed\n");
        assertThat(run("rollback", "agent").out()).isEqualTo("agent 1 is current\n");
        assertThat(run("rollback", "agent").exitCode()).isEqualTo(1);
        assertThat(run("rollback", "agent").err()).startsWith("NOTHING_OLDER: ");
        JsonObject listed = new JsonArray(run("list", "--json").out()).getJsonObject(0);
        assertThat(listed.getJsonArray("rollbacks")).hasSize(1);
        assertThat(listed.getString("lastVersion")).isEqualTo("2");

        Path installed = directory.resolve("state/software/versions/agent/1/agent");
        assertThat(installed.toFile().setWritable(true)).isTrue();
        Files.writeString(installed, "abd");
        CommandRun verified = run("verify", "agent", "--json");
        assertThat(verified.exitCode()).isEqualTo(1);
        assertThat(new JsonArray(verified.out()).getJsonObject(1).getString("fault"))
                .startsWith("sha512=");
        assertThat(run("verify").out())
                .as("an older one is not fetched again")
                .contains("agent 1: damaged: sha512=", "; do not roll back to it; fetch the newest version\n");
        Files.delete(directory.resolve("state/software/versions/agent/2/agent"));
        assertThat(run("verify").out()).contains("agent 2: damaged: ", "; fetch the same version again\n");
        assertThat(run("verify", "other").err())
                .startsWith("NOT_INSTALLED: nothing is installed as other; installed: agent");
    }

    @Test
    void bucketsAndPoliciesAreOfTheAllowListThatIsNamed() throws IOException {
        Path list = Files.writeString(directory.resolve("list.txt"), "al2023-repos-<REGION>-de612dc2 # since 2026\n");

        assertThat(run("buckets").out().lines()).hasSize(4);
        assertThat(run("buckets", "--set", "software.allow-list=" + list).out())
                .isEqualTo("al2023-repos-<REGION>-de612dc2\n");
        assertThat(run("policy", "--region", "eu-west-1", "--of", "s3-endpoint", "--set", "software.allow-list=" + list)
                        .out())
                .contains("arn:aws:s3:::al2023-repos-eu-west-1-de612dc2/*")
                .doesNotContain("amazon-ssm");
        assertThat(run("policy", "--region", "eu-west-1", "--of", "INSTANCE_ROLE")
                        .out())
                .contains("mgn:GetChannelCommandsForMgn");
        assertThat(run("policy", "--region", "eu-west-1", "--of", "instance-role")
                        .out())
                .contains("mgn:GetChannelCommandsForMgn");
        CommandRun role = run("policy", "--region", "eu-west-1", "--of", "role");
        assertThat(role.exitCode()).isEqualTo(2);
        assertThat(role.err()).contains("'role'; allowed: instance-role or s3-endpoint");
        CommandRun typo = run("policy", "--region", "us-east1", "--of", "S3_ENDPOINT");
        assertThat(typo.exitCode()).isEqualTo(2);
        assertThat(typo.err()).contains("--region=us-east1; allowed: the name of a region, as us-east-1");
        assertThat(typo.out()).isEmpty();
    }

    @Test
    void allowListWithMistakesIsRefusedWithALineForEach() throws IOException {
        Path list = Files.writeString(
                directory.resolve("list.txt"),
                "bucket-a bucket-b bucket-c\nUpper\nexample.org\nsame\nsame\nno-host-\n");

        CommandRun refused = run("buckets", "--set", "software.allow-list=" + list);

        assertThat(refused.exitCode()).isEqualTo(78);
        assertThat(refused.err().lines())
                .satisfiesExactly(
                        line -> assertThat(line).startsWith(list + ":1: bucket=bucket-a bucket-b bucket-c; allowed: "),
                        line -> assertThat(line).startsWith(list + ":2: bucket=Upper; allowed: "),
                        line -> assertThat(line).startsWith(list + ":3: bucket=example.org; allowed: "),
                        line -> assertThat(line).isEqualTo(list + ":5: bucket same is given twice"),
                        line -> assertThat(line).startsWith(list + ":6: bucket=no-host-; allowed: "));
        assertThat(run("buckets", "--set", "software.allow-list=" + directory.resolve("none"))
                        .err())
                .isEqualTo(directory.resolve("none") + ": cannot be read: no such file or directory\n");
    }

    @Test
    void allowListWithoutABucketAllowsNoSoftwareAndMakesNoPolicy() throws IOException {
        String list = "--set=software.allow-list=" + Files.writeString(directory.resolve("list.txt"), "# nothing\n");

        assertThat(run("buckets", list)).isEqualTo(new CommandRun(0, "# none, so no software is allowed\n", ""));
        CommandRun address = run("fetch", "https://" + BUCKET + ".s3.eu-test-1.amazonaws.com/latest/agent", list);
        assertThat(address.exitCode()).isEqualTo(1);
        assertThat(address.err())
                .startsWith("BUCKET_NOT_LISTED: software.allow-list names no bucket, so no software is allowed\n");
        assertThat(CommandRun.of("software", "fetch", "--bucket", BUCKET, "--key", "agent", list)
                        .err())
                .as("the instance is not asked for its region")
                .isEqualTo(address.err());
        CommandRun policy = run("policy", "--region", "eu-west-1", "--of", "s3-endpoint", list);
        assertThat(policy).isEqualTo(new CommandRun(1, "", address.err()));
        assertThat(run("policy", "--region", "eu-west-1", "--of", "instance-role", list)
                        .exitCode())
                .isZero();
        assertThat(CommandRun.of("check-config", list).exitCode()).isZero();
    }
}
