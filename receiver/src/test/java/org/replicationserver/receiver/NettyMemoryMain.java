package org.replicationserver.receiver;

import io.netty.util.internal.PlatformDependent;

/** Runs the program with these arguments, which must make it end by itself, and prints how much direct memory Netty takes then. */
final class NettyMemoryMain {
    private NettyMemoryMain() {}

    public static void main(String[] args) {
        int exitCode = ReceiverMain.commandLine().execute(args);
        System.out.println("exit=" + exitCode + " bound=" + PlatformDependent.maxDirectMemory());
        Runtime.getRuntime().halt(0);
    }
}
