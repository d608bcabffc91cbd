using System.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;

namespace AdaptFormer.Tools.Code;

/// <summary>One project compiled with many faults in it, of which the environment variable ADAPTFORMER_MUTANT switches one on; those that are passed by go to the file ADAPTFORMER_MUTANTS_SEEN.</summary>
internal sealed class MutantBuild
{
    private const string Switch =
        """
        namespace AdaptFormer
        {
            internal static class Mutant
            {
                private static readonly int Active = int.TryParse(System.Environment.GetEnvironmentVariable("ADAPTFORMER_MUTANT"), out int id) ? id : 0;
                private static readonly bool[] Seen = new bool[4096];

                static Mutant()
                {
                    if (System.Environment.GetEnvironmentVariable("ADAPTFORMER_MUTANTS_SEEN") is not { Length: > 0 } path) return;
                    System.AppDomain.CurrentDomain.ProcessExit += (_, _) => System.IO.File.WriteAllLines(
                        path, System.Linq.Enumerable.Select(System.Linq.Enumerable.Where(System.Linq.Enumerable.Range(0, 4096), i => Seen[i]), i => i.ToString()));
                }

                public static bool On(int id)
                {
                    Seen[id] = true;
                    return Active == id;
                }
            }
        }
        """;

    private MutantBuild(IReadOnlyList<MutationSite> sites, string folder) => (Sites, Folder) = (sites, folder);

    /// <summary>The faults; the first is switched on by 1.</summary>
    public IReadOnlyList<MutationSite> Sites { get; }

    /// <summary>The tests' folder with the faulty project in it.</summary>
    public string Folder { get; }

    /// <summary>Plants up to <paramref name="count"/> faults, drawn with <paramref name="seed"/>.</summary>
    /// <param name="root">The repository.</param>
    /// <param name="under">A folder of src, or a project.</param>
    /// <param name="count">How many.</param>
    /// <param name="seed">Which ones.</param>
    public static MutantBuild Make(string root, string under, int count, int seed)
    {
        string project = string.Join(Path.DirectorySeparatorChar, under.Split('/', '\\')[..2]), name = Path.GetFileName(project);
        string work = Directory.CreateTempSubdirectory("mutants").FullName, generated = Path.Combine(work, "generated");
        Shell(root, "dotnet", "build", project, "--no-dependencies", "--no-restore", "-t:Rebuild", "-v", "q", "-p:RunAnalyzers=false",
            "-p:EmitCompilerGeneratedFiles=true", $"-p:CompilerGeneratedFilesOutputPath={generated}");
        string tests = Path.Combine(root, "tests", "AdaptFormer.Tests", "bin", "Debug", "net10.0"), copy = Path.Combine(work, "tests");
        Shell(root, "cp", "-r", tests, copy);

        CSharpParseOptions parse = new(LanguageVersion.CSharp14, preprocessorSymbols: ["DEBUG", "TRACE", "NET", "NET10_0", "NET10_0_OR_GREATER"]);
        SyntaxTree[] own = [.. SourceTree.CodeFiles(Path.Combine(root, project)).Select(Parse)];
        SyntaxTree[] added = [.. Directory.EnumerateFiles(generated, "*.cs", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Path.Combine(root, project, "obj", "Debug", "net10.0"), "*.cs")).Select(Parse)];
        SyntaxTree Parse(string path) => CSharpSyntaxTree.ParseText(File.ReadAllText(path), parse, Path.GetRelativePath(root, path));

        string assembly = name == "AdaptFormer.Cli" ? "adaptformer" : name;
        CSharpCompilation compilation = CSharpCompilation.Create(
            assembly, [.. own, .. added], SourceTree.References(copy, leaveOut: assembly),
            new CSharpCompilationOptions(
                name == "AdaptFormer.Cli" ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true,
                optimizationLevel: OptimizationLevel.Release, nullableContextOptions: NullableContextOptions.Enable));
        Random random = new(seed);
        string prefix = under.Replace('\\', '/') + "/";
        List<MutationSite> sites = [.. own.Where(tree => (tree.FilePath.Replace('\\', '/') + "/").StartsWith(prefix, StringComparison.Ordinal) || tree.FilePath.Replace('\\', '/') == under)
            .SelectMany(tree => MutationSites.In(tree, compilation.GetSemanticModel(tree)))
            .OrderBy(_ => random.Next()).Take(count)];
        while (true)
        {
            HashSet<string> faulty = Emit(compilation, sites, parse, Path.Combine(copy, assembly + ".dll"));
            if (faulty.Count == 0) return new MutantBuild(sites, copy);
            // A call that is left out may only be missed lines below, where what it assigns is read.
            if (sites.RemoveAll(site => faulty.Contains(Place(site))) == 0
                && sites.RemoveAll(site => faulty.Any(place => place.StartsWith(site.Node.SyntaxTree.FilePath + ":", StringComparison.Ordinal))) == 0)
                throw new InvalidOperationException("mutants: the project does not compile:\n" + string.Join('\n', faulty));
        }
    }

    // A fault that is no program is none: every site on a line with an error is given up. Lines keep their numbers.
    private static HashSet<string> Emit(CSharpCompilation compilation, List<MutationSite> sites, CSharpParseOptions parse, string path)
    {
        foreach (IGrouping<SyntaxTree, int> file in Enumerable.Range(0, sites.Count).GroupBy(i => sites[i].Node.SyntaxTree))
        {
            Dictionary<SyntaxNode, int> ids = file.ToDictionary(i => sites[i].Node, i => i);
            SyntaxNode root = file.Key.GetRoot().ReplaceNodes(ids.Keys, (old, now) => MutationSites.Switched(now, sites[ids[old]], ids[old] + 1));
            compilation = compilation.ReplaceSyntaxTree(file.Key, CSharpSyntaxTree.ParseText(root.ToFullString(), parse, file.Key.FilePath));
        }

        compilation = compilation.AddSyntaxTrees(CSharpSyntaxTree.ParseText(Switch, parse, "Mutant.cs"));
        using FileStream stream = File.Create(path);
        EmitResult result = compilation.Emit(stream);
        return [.. result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)
            .Select(diagnostic => diagnostic.Location.GetLineSpan())
            .Select(span => $"{span.Path}:{span.StartLinePosition.Line}")];
    }

    private static string Place(MutationSite site) => $"{site.Node.SyntaxTree.FilePath}:{site.Node.GetLocation().GetLineSpan().StartLinePosition.Line}";

    private static void Shell(string folder, string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed:\n{text}");
    }
}
