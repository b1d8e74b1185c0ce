package org.replicationserver.receiver;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.AllowListFile;
import org.replicationserver.receiver.config.ConfigException;
import org.replicationserver.receiver.config.ConfigOptions;
import org.replicationserver.receiver.config.IdForm;
import org.replicationserver.receiver.config.ServerConfig;
import org.replicationserver.receiver.replication.Amounts;
import org.replicationserver.receiver.software.AccessPolicies;
import org.replicationserver.receiver.software.AllowList;
import org.replicationserver.receiver.software.FetchProgress;
import org.replicationserver.receiver.software.FetchRequest;
import org.replicationserver.receiver.software.InstalledVersion;
import org.replicationserver.receiver.software.SoftwareException;
import org.replicationserver.receiver.software.SoftwareFetcher;
import org.replicationserver.receiver.software.SoftwareJson;
import org.replicationserver.receiver.software.SoftwareStore;
import org.replicationserver.receiver.software.TrustedName;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Commands about software from S3. They work on the store themselves, whether a server runs or not: its lock keeps them apart. */
@Command(
        name = "software",
        mixinStandardHelpOptions = true,
        description = "Fetches, lists, verifies and rolls back software, and prints the policies that this needs.",
        subcommands = {
            SoftwareCommand.Fetch.class,
            SoftwareCommand.ListInstalled.class,
            SoftwareCommand.Verify.class,
            SoftwareCommand.Rollback.class,
            SoftwareCommand.Buckets.class,
            SoftwareCommand.Policy.class
        })
final class SoftwareCommand {
    /** A software that is installed is not what was installed. */
    private static final int NOT_WHOLE = 1;

    private static final String NOTHING = "no software is installed";

    private static final String FETCH_AGAIN = "fetch the same version again";

    /** An older one is not fetched again. */
    private static final String FETCH_NEWER = "do not roll back to it; fetch the newest version";

    /** Whoever opens the store to change it does that. */
    private static final String MEND = "fetch any software, or start the server, which mends it";

    private static final String INTERRUPTED = "interrupted; nothing was installed";

    /** What all of them share: the configuration, and how failures are told. */
    abstract static class Base implements Callable<Integer> {
        @Mixin
        private ConfigOptions options = new ConfigOptions();

        @Spec
        private CommandSpec spec = CommandSpec.create();

        abstract int run(ServerConfig config, PrintWriter out)
                throws SoftwareException, ConfigException, InterruptedException;

        CommandSpec spec() {
            return spec;
        }

        PrintWriter err() {
            return spec.commandLine().getErr();
        }

        @Override
        public Integer call() {
            try {
                PrintWriter out = spec.commandLine().getOut();
                int code = run(options.load().toServerConfig(), out);
                out.flush();
                return code;
            } catch (ConfigException e) {
                e.lines().forEach(err()::println);
                return ConfigException.EXIT_CODE;
            } catch (SoftwareException e) {
                err().println(e.kind() + ": " + e.sentence());
                err().println("  " + e.nextAction());
                return codeOf(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                err().println(INTERRUPTED);
                return ExitCode.UNAVAILABLE;
            }
        }

        private static int codeOf(SoftwareException e) {
            return switch (e.kind().remedy()) {
                case REQUEST -> ExitCode.REFUSED;
                case SERVICE -> ExitCode.UNAVAILABLE;
                case DISK -> ExitCode.IO_ERROR;
                case WAIT -> ExitCode.IN_USE;
            };
        }
    }

    @Command(
            name = "fetch",
            mixinStandardHelpOptions = true,
            description =
                    "Fetches an object from an allowed bucket, checks it, installs it, and makes it the current version.",
            exitCodeListHeading = "Exit codes:%n",
            exitCodeList = {
                "0:installed, or installed before",
                "1:refused, nothing is changed",
                "2:wrong command line",
                "69:S3 or credentials are not to be had, nothing is changed",
                "74:a directory cannot be read or written, or has no space",
                "75:another command, or the server, changes the store",
                "78:mistakes in the configuration, a line each"
            })
    static final class Fetch extends Base {
        @ArgGroup(multiplicity = "1")
        private Place place = new Place();

        @Option(names = "--name", description = "Name to install it under; default: the last part of the key.")
        private @Nullable String name;

        @Option(
                names = "--software-version",
                paramLabel = "VERSION",
                description = "Version of the object, as 1.2.3. Once a name has one, a lower one is refused.")
        private @Nullable String version;

        @Option(
                names = "--sha512",
                paramLabel = "HASH",
                description = "SHA-512 of the object; needed where the bucket has no bucket of hashes.")
        private @Nullable String sha512;

        @Option(
                names = "--signature",
                description =
                        "Signature in base64, where software.signing-key-file asks for one; default: KEY.sig beside the hash.")
        private @Nullable String signature;

        @Option(names = "--json", description = "Prints the result as JSON.")
        private boolean json;

        /** Where the object is. */
        static final class Place {
            @Parameters(
                    paramLabel = "ADDRESS",
                    description = "https://HOST/KEY, whose host is that of an allowed bucket, letter by letter.")
            private @Nullable String address;

            @ArgGroup(exclusive = false)
            private @Nullable BucketAndKey bucketAndKey;
        }

        /** The same in two parts. */
        static final class BucketAndKey {
            @Option(names = "--bucket", required = true, description = "Bucket of the object.")
            private String bucket = "";

            @Option(names = "--key", required = true, description = "Key of the object.")
            private String key = "";
        }

        @Override
        int run(ServerConfig config, PrintWriter out) throws SoftwareException, InterruptedException {
            if (signature != null && config.software().signingKeyFile().isEmpty()) {
                throw new ParameterException(
                        spec().commandLine(),
                        "--signature is given, and software.signing-key-file is not set, so nothing would check it");
            }
            SoftwareStore.requireOwn(config.software().directory());
            try (SoftwareFetcher fetcher = SoftwareFetcher.open(config.software(), config.aws(), place.address)) {
                FetchRequest request = request(fetcher);
                FetchProgress progress = fetcher.watch(request, now -> err().println(progressLine(now)));
                SoftwareFetcher.Fetched fetched = fetcher.fetch(request, progress);
                Path file = SoftwareStore.fileOf(config.software().directory(), request.name(), fetched.version());
                if (json) {
                    out.println(SoftwareJson.of(fetched.version())
                            .put("name", request.name())
                            .put("file", file.toString())
                            .put("new", fetched.isNew())
                            .put("removed", new JsonArray(words(fetched.removed())))
                            .encodePrettily());
                } else {
                    out.println(request.name() + " " + fetched.version().words()
                            + (fetched.isNew() ? " is installed: " : " was installed before: ") + file);
                    if (!fetched.removed().isEmpty()) {
                        out.println("removed: " + String.join(", ", words(fetched.removed()))
                                + " (kept are the current version and the " + (TrustedName.VERSIONS_MAX - 1)
                                + " before it)");
                    }
                }
                return 0;
            }
        }

        private static List<String> words(List<InstalledVersion> versions) {
            return versions.stream().map(InstalledVersion::words).toList();
        }

        private FetchRequest request(SoftwareFetcher fetcher) throws SoftwareException {
            BucketAndKey parts = place.bucketAndKey;
            try {
                return parts == null
                        ? fetcher.request(String.valueOf(place.address), name, version, sha512, signature)
                        : fetcher.request(parts.bucket, parts.key, name, version, sha512, signature);
            } catch (SoftwareException e) {
                if (e.kind() == SoftwareException.Kind.BAD_REQUEST) {
                    throw new ParameterException(spec().commandLine(), e.sentence(), e);
                }
                throw e;
            }
        }

        private static String progressLine(FetchProgress.Progress now) {
            return now.request().name() + ": " + Amounts.bytes(now.bytes()) + " of " + Amounts.bytes(now.sizeBytes())
                    + " (" + now.percent() + " %) from " + now.source();
        }
    }

    @Command(
            name = "list",
            mixinStandardHelpOptions = true,
            description = "Prints what is installed, and what was trusted last.",
            exitCodeListHeading = "Exit codes:%n",
            exitCodeList = {
                "0:printed",
                "2:wrong command line",
                "74:the store cannot be read",
                "78:mistakes in the configuration, a line each"
            })
    static final class ListInstalled extends Base {
        @Option(names = "--json", description = "Prints all that is known as JSON.")
        private boolean json;

        @Override
        int run(ServerConfig config, PrintWriter out) throws SoftwareException {
            Map<String, TrustedName> names =
                    SoftwareStore.read(config.software().directory());
            if (json) {
                JsonArray all = new JsonArray();
                names.forEach((name, trusted) -> all.add(SoftwareJson.of(name, trusted)));
                out.println(all.encodePrettily());
                return 0;
            }
            if (names.isEmpty()) {
                out.println(NOTHING);
            }
            names.forEach((name, trusted) -> {
                for (int i = 0; i < trusted.versions().size(); i++) {
                    out.println((i == trusted.current() ? "* " : "  ")
                            + line(name, trusted.versions().get(i)));
                }
            });
            return 0;
        }

        private static String line(String name, InstalledVersion version) {
            return name + " " + version.words() + ", " + Amounts.bytes(version.sizeBytes())
                    + (version.signed() ? ", signed" : "") + ", installed "
                    + version.installed().truncatedTo(ChronoUnit.SECONDS) + " from "
                    + version.object();
        }
    }

    @Command(
            name = "verify",
            mixinStandardHelpOptions = true,
            description =
                    "Reads what is installed, compares it with the hashes that were trusted, and looks where its links lead.",
            exitCodeListHeading = "Exit codes:%n",
            exitCodeList = {
                "0:all is as it was installed",
                "1:something is not, its link does not lead to it, or nothing of that name is installed",
                "2:wrong command line",
                "74:the store cannot be read",
                "78:mistakes in the configuration, a line each"
            })
    static final class Verify extends Base {
        @Parameters(arity = "0..1", paramLabel = "NAME", description = "Of one name; default: of all.")
        private @Nullable String name;

        @Option(names = "--json", description = "Prints the results as JSON.")
        private boolean json;

        @Override
        int run(ServerConfig config, PrintWriter out) throws SoftwareException {
            Path directory = config.software().directory();
            Map<String, TrustedName> names = SoftwareStore.read(directory);
            String only = name;
            if (only != null) {
                names = Map.of(only, SoftwareStore.require(names, only));
            }
            JsonArray results = new JsonArray();
            int code = 0;
            if (!json && names.isEmpty()) {
                out.println(NOTHING);
            }
            for (Map.Entry<String, TrustedName> entry : names.entrySet()) {
                TrustedName trusted = entry.getValue();
                for (InstalledVersion version : trusted.versions()) {
                    String fault = SoftwareStore.faultOf(directory, entry.getKey(), version);
                    String remedy = version.sha512().equals(trusted.lastSha512()) ? FETCH_AGAIN : FETCH_NEWER;
                    if (fault == null && version.equals(trusted.currentVersion())) {
                        fault = SoftwareStore.linkFaultOf(directory, entry.getKey(), trusted);
                        remedy = MEND;
                    }
                    code = fault == null ? code : NOT_WHOLE;
                    JsonObject result =
                            SoftwareJson.of(version).put("name", entry.getKey()).put("whole", fault == null);
                    results.add(
                            fault == null ? result : result.put("fault", fault).put("nextAction", remedy));
                    if (!json) {
                        out.println(entry.getKey() + " " + version.words() + ": "
                                + (fault == null ? "as installed" : "damaged: " + fault + "; " + remedy));
                    }
                }
            }
            if (json) {
                out.println(results.encodePrettily());
            }
            return code;
        }
    }

    @Command(
            name = "rollback",
            mixinStandardHelpOptions = true,
            description = {
                "Makes the version before the current one the current one. That is recorded, and does not allow to fetch an older"
                        + " version than was trusted last."
            },
            exitCodeListHeading = "Exit codes:%n",
            exitCodeList = {
                "0:done",
                "1:there is no older version, or it is not what was installed",
                "2:wrong command line",
                "74:the store cannot be read or written",
                "75:another command, or the server, changes the store",
                "78:mistakes in the configuration, a line each"
            })
    static final class Rollback extends Base {
        @Parameters(paramLabel = "NAME", description = "As list prints it.")
        private String name = "";

        @Option(names = "--json", description = "Prints the result as JSON.")
        private boolean json;

        @Override
        int run(ServerConfig config, PrintWriter out) throws SoftwareException {
            SoftwareStore.requireOwn(config.software().directory());
            InstalledVersion current = SoftwareStore.rollback(config.software().directory(), name);
            out.println(
                    json
                            ? SoftwareJson.of(current).put("name", name).encodePrettily()
                            : name + " " + current.words() + " is current");
            return 0;
        }
    }

    @Command(
            name = "buckets",
            mixinStandardHelpOptions = true,
            description = "Prints the allow-list that is in effect, in the form of software.allow-list.",
            exitCodeListHeading = "Exit codes:%n",
            exitCodeList = {"0:printed", "2:wrong command line", "78:mistakes in the configuration, a line each"})
    static final class Buckets extends Base {
        @Override
        int run(ServerConfig config, PrintWriter out) throws ConfigException {
            List<AllowListFile.Rule> rules =
                    AllowListFile.read(config.software().allowList());
            if (rules.isEmpty()) {
                out.println("# none, so no software is allowed");
            }
            for (AllowListFile.Rule rule : rules) {
                out.println(rule.hashes() == null ? rule.objects() : rule.objects() + "  " + rule.hashes());
            }
            return 0;
        }
    }

    @Command(
            name = "policy",
            mixinStandardHelpOptions = true,
            description = "Prints a policy for IAM, made from the allow-list and from what this server does.",
            exitCodeListHeading = "Exit codes:%n",
            exitCodeList = {
                "0:printed",
                "1:refused, since the allow-list names no bucket that the policy of the S3 endpoint could allow",
                "2:wrong command line",
                "78:mistakes in the configuration, a line each"
            })
    static final class Policy extends Base {
        /** Whose policy it is. */
        enum Of {
            INSTANCE_ROLE,
            S3_ENDPOINT
        }

        /** As options are written; with capitals and underscores too. */
        static final class OfConverter implements ITypeConverter<Of> {
            @Override
            public Of convert(String text) {
                return switch (text.toLowerCase(Locale.ROOT).replace('_', '-')) {
                    case "instance-role" -> Of.INSTANCE_ROLE;
                    case "s3-endpoint" -> Of.S3_ENDPOINT;
                    default ->
                        throw new TypeConversionException("'" + text + "'; allowed: instance-role or s3-endpoint");
                };
            }
        }

        @Option(names = "--region", required = true, description = "Region, which is in one partition.")
        private String region = "";

        @Option(
                names = "--of",
                required = true,
                paramLabel = "POLICY",
                converter = OfConverter.class,
                description = "instance-role or s3-endpoint.")
        private Of of = Of.INSTANCE_ROLE;

        @Override
        int run(ServerConfig config, PrintWriter out) throws SoftwareException, ConfigException {
            IdForm.REGION.require(region, spec(), "--region");
            JsonObject policy = switch (of) {
                case INSTANCE_ROLE -> AccessPolicies.instanceRole(region);
                case S3_ENDPOINT ->
                    AccessPolicies.s3Endpoint(AllowList.of(
                            AllowListFile.read(config.software().allowList()), region, AllowList.Hosts.REGIONAL));
            };
            out.println(policy.encodePrettily());
            return 0;
        }
    }
}
