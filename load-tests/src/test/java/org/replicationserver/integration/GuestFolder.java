package org.replicationserver.integration;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The root file system of a virtual machine, made of what this machine runs on: its JDK, the class path of the tests, its Python, and
 * kernel and busybox of the distribution's packages. It lives in the guest's memory as an initial RAM file system.
 */
final class GuestFolder {
    /** Has NVMe built in. */
    private static final String KERNEL_PACKAGE = "linux-image-cloud-amd64";

    private static final String BUSYBOX_PACKAGE = "busybox-static";
    private static final String JAVA_MODULES = "java.se,jdk.unsupported,jdk.net,jdk.management";
    private static final Pattern LIBRARY = Pattern.compile("(?m)(?:=> |^\\s+)(/\\S+) \\(0x");

    /** The class path inside the guest. */
    static final String CLASS_PATH = "/app/classes:/app/*";

    private final Path work;
    private final Path root;

    private GuestFolder(Path work) {
        this.work = work;
        this.root = work.resolve("root");
    }

    /** With all of it but what starts; skips the test where that cannot be had. */
    static GuestFolder make(Path work) throws IOException, InterruptedException {
        GuestFolder folder = new GuestFolder(work);
        Files.createDirectories(folder.root);
        folder.addBusybox();
        folder.addJava();
        folder.addClassPath();
        return folder;
    }

    /** The kernel of the distribution, unpacked and not installed. */
    Path kernel() throws IOException, InterruptedException {
        String depends =
                Commands.run(List.of("apt-cache", "depends", KERNEL_PACKAGE)).output();
        Matcher matcher = Pattern.compile("Depends: (linux-image-\\S+)").matcher(depends);
        assumeTrue(matcher.find(), "skipped: there is no package " + KERNEL_PACKAGE + ": " + depends);
        Path unpacked = unpack(matcher.group(1));
        try (var files = Files.newDirectoryStream(unpacked.resolve("boot"), "vmlinuz-*")) {
            return files.iterator().next();
        }
    }

    private Path unpack(String packageName) throws IOException, InterruptedException {
        Path unpacked = work.resolve(packageName);
        String command = "cd '%s' && apt-get download -q %s && dpkg -x %s_*.deb '%s'"
                .formatted(work, packageName, packageName, unpacked);
        Commands.Result got = Commands.run(List.of("sh", "-c", command));
        assumeTrue(
                got.exitCode() == 0,
                "skipped: the package " + packageName + " is not to be had (apt-get update?): " + got.output());
        return unpacked;
    }

    private void addBusybox() throws IOException, InterruptedException {
        Path unpacked = unpack(BUSYBOX_PACKAGE);
        Path merged = unpacked.resolve("usr/bin/busybox");
        copy(Files.exists(merged) ? merged : unpacked.resolve("bin/busybox"), "/bin/busybox");
    }

    private void addJava() throws IOException, InterruptedException {
        Path java = Path.of(System.getProperty("java.home"));
        Path jlink = java.resolve("bin/jlink");
        assumeTrue(Files.exists(jlink), "skipped: no jlink in " + java);
        Commands.Result linked = Commands.run(List.of(
                jlink.toString(),
                "--add-modules=" + JAVA_MODULES,
                "--strip-debug",
                "--no-header-files",
                "--no-man-pages",
                "--output=" + root.resolve("jre")));
        assumeTrue(linked.exitCode() == 0, "skipped: jlink makes no runtime: " + linked.output());
        addLibrariesOf(java.resolve("bin/java"));
        addLibrariesOf(java.resolve("lib/server/libjvm.so"));
        addLibrariesOf(java.resolve("lib/libnet.so"));
    }

    /** Shared libraries of the system, at the same paths. */
    private void addLibrariesOf(Path program) throws IOException, InterruptedException {
        Matcher matcher = LIBRARY.matcher(Commands.runSuccessfully("ldd", program.toString()));
        while (matcher.find()) {
            Path library = Path.of(matcher.group(1));
            if (!library.startsWith(System.getProperty("java.home"))) {
                copy(library, library.toString());
            }
        }
    }

    /** Folders in one, where the file of the earlier one counts, as on the class path. */
    private void addClassPath() throws IOException, InterruptedException {
        Path classes = Files.createDirectories(root.resolve("app/classes"));
        String known = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        for (String entry : known.split(":", -1)) {
            Path path = Path.of(entry);
            if (Files.isDirectory(path)) {
                Commands.runSuccessfully("cp", "-rn", path + "/.", classes.toString());
            } else if (Files.exists(path)) {
                copy(path, "/app/" + path.getFileName());
            }
        }
    }

    /** The Python of this machine, without packages. */
    void addPython() throws IOException, InterruptedException {
        Path python = Path.of("/usr/bin/python3");
        assumeTrue(Files.exists(python), "skipped: there is no " + python);
        addLibrariesOf(python);
        copy(python, python.toString());
        String library = Commands.runSuccessfully(
                        python.toString(), "-ISE", "-c", "import os; print(os.path.dirname(os.__file__))")
                .strip();
        Path target = root.resolve(library.substring(1));
        Files.createDirectories(target);
        String command = "cd '%s' && cp *.py '%s' && cp -r encodings collections re importlib lib-dynload '%s'"
                .formatted(library, target, target);
        Commands.runSuccessfully("sh", "-c", command);
    }

    /** A file of this machine at a path of the guest, with its permissions. */
    void copy(Path file, String guestPath) throws IOException, InterruptedException {
        Path target = root.resolve(guestPath.substring(1));
        Commands.runSuccessfully("install", "-D", "-m", "755", file.toRealPath().toString(), target.toString());
    }

    /** All of it as the kernel takes it; {@code init} is the first program, a script of busybox's shell. */
    Path pack(String init) throws IOException, InterruptedException {
        for (String directory : List.of("dev", "proc", "sys", "tmp", "run")) {
            Files.createDirectories(root.resolve(directory));
        }
        Path first = Files.writeString(root.resolve("init"), init);
        Files.setPosixFilePermissions(first, PosixFilePermissions.fromString("rwxr-xr-x"));
        Path packed = work.resolve("initramfs");
        Commands.runSuccessfully(
                "sh",
                "-c",
                String.format(
                        Locale.ROOT,
                        "cd '%s' && find . | bin/busybox cpio -o -H newc > '%s' 2>/dev/null",
                        root,
                        packed));
        return packed;
    }
}
