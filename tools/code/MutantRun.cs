using System.Diagnostics;

namespace AdaptFormer.Tools.Code;

/// <summary>Plants faults in a folder, one at a time, and lists those that no test notices.</summary>
internal static class MutantRun
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    public static int Run(string[] args)
    {
        if (args.Length == 0) return Usage();
        int count = Option(args, "--count", 30), seed = Option(args, "--seed", 1), classes = Option(args, "--classes", 8);
        string[] always = [.. args.SkipWhile(word => word != "--also").Skip(1).TakeWhile(word => !word.StartsWith("--", StringComparison.Ordinal))];
        string root = SourceTree.RepositoryRoot();
        MutantBuild build = MutantBuild.Make(root, args[0].TrimEnd('/'), count, seed);
        TestClasses tests = new(root);
        Dictionary<string, bool> sound = [];
        bool Sound(string test) => sound.TryGetValue(test, out bool passes) ? passes : sound[test] = Passes(build.Folder, test, mutant: 0);
        int killed = 0;
        List<string> living = [];
        for (int id = 1; id <= build.Sites.Count; id++)
        {
            MutationSite site = build.Sites[id - 1];
            string? killer = tests.For(site.Node.SyntaxTree, classes).Concat(always)
                .FirstOrDefault(test => Sound(test) && !Passes(build.Folder, test, id));
            if (killer is null) living.Add(site.Describe());
            else killed++;
            Console.WriteLine($"{id}/{build.Sites.Count} {(killer is null ? "LIVES" : "killed by " + killer[(killer.LastIndexOf('.') + 1)..])}: {site.Describe()}");
        }

        Console.WriteLine();
        Console.WriteLine($"{args[0]}: {killed} of {build.Sites.Count} killed; these live:");
        foreach (string site in living) Console.WriteLine("  " + site);
        foreach ((string test, _) in sound.Where(pair => !pair.Value)) Console.WriteLine($"  ({test} fails without a fault and was not asked)");
        Directory.Delete(Path.GetDirectoryName(build.Folder)!, recursive: true);
        return 0;
    }

    // A run that does not end is a fault that was noticed.
    private static bool Passes(string folder, string test, int mutant)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(folder, "AdaptFormer.Tests.dll"), "-class", test, "-stopOnFail"])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["ADAPTFORMER_MUTANT"] = $"{mutant}";
        start.Environment["NO_COLOR"] = "1";
        using Process process = Process.Start(start)!;
        _ = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
        if (process.WaitForExit(Patience)) return process.ExitCode == 0;
        process.Kill(entireProcessTree: true);
        return false;
    }

    private static int Option(string[] args, string name, int otherwise)
    {
        int at = Array.IndexOf(args, name);
        return at >= 0 && at + 1 < args.Length && int.TryParse(args[at + 1], out int value) ? value : otherwise;
    }

    private static int Usage()
    {
        Console.Error.WriteLine(
            "mutants FOLDER [--count 30] [--seed 1] [--classes 8] [--also TESTCLASS...]: FOLDER is one of src, such as src/AdaptFormer.Training/Metrics; "
            + "--classes is how many test classes are asked about a fault, --also names some that are asked about each.");
        return 2;
    }
}
