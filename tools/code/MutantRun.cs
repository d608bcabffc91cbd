namespace AdaptFormer.Tools.Code;
internal static class MutantRun { public static int Run(string[] args) => args.Length; }
