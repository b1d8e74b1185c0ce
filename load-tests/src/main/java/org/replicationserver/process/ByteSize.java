package org.replicationserver.process;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A size as it is given on the command line and shown to people: a number and MiB or GiB. */
public record ByteSize(long bytes) {
    public static final long MIB = 1L << 20;
    public static final long GIB = 1L << 30;
    private static final Pattern FORM = Pattern.compile("([1-9][0-9]{0,5})(MiB|GiB)");

    /** For picocli, whose message then has the option's name in front. */
    public static final class Converter implements ITypeConverter<ByteSize> {
        @Override
        public ByteSize convert(String text) {
            Matcher form = FORM.matcher(text);
            if (!form.matches()) {
                throw new TypeConversionException("'" + text + "' is not a size like 64MiB or 1GiB");
            }
            return new ByteSize(Long.parseLong(form.group(1)) * (form.group(2).equals("GiB") ? GIB : MIB));
        }
    }

    @Override
    public String toString() {
        return bytes % GIB == 0 ? bytes / GIB + "GiB" : bytes / MIB + "MiB";
    }

    public static String mebibytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f MiB", (double) bytes / MIB);
    }
}
