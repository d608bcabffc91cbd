using System.Diagnostics;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;

namespace AdaptFormer.Tools.Code;

/// <summary>
/// Projects compiled with many faults in them, of which the environment variable ADAPTFORMER_MUTANT switches one on. Where ADAPTFORMER_MUTANTS_PASSED names a
/// file, it gets a line for each test class and each fault that the class passes by.
/// </summary>
internal sealed class MutantBuild
{
    // Which test class passes by a fault is asked of the test framework, whose context follows the work of a test through its tasks.
    private const string Switch =
        """
        #nullable enable
        namespace AdaptFormer
        {
            using System;
            using System.Collections.Concurrent;
            using System.IO;
            using System.Linq;
            using System.Reflection;
            using System.Runtime.CompilerServices;

            internal static class Mutant
            {
                private const int Most = 4096;

                private static readonly int Active = int.TryParse(Environment.GetEnvironmentVariable("ADAPTFORMER_MUTANT"), out int id) ? id : 0;
                private static readonly ConcurrentDictionary<string, bool[]> Passed = new();
                private static readonly ConditionalWeakTable<object, bool[]> OfContext = new();
                private static readonly Func<object?>? Context;

                static Mutant()
                {
                    if (Environment.GetEnvironmentVariable("ADAPTFORMER_MUTANTS_PASSED") is not { Length: > 0 } path) return;
                    Assembly? framework = AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(one => one.GetName().Name == "xunit.v3.core");
                    Context = framework?.GetType("Xunit.TestContext")?.GetProperty("Current")?.GetMethod?.CreateDelegate<Func<object?>>();
                    AppDomain.CurrentDomain.ProcessExit += (_, _) => File.AppendAllLines(
                        path, Passed.SelectMany(pair => Enumerable.Range(0, Most).Where(i => pair.Value[i]).Select(i => $"{pair.Key} {i}")));
                }

                public static bool On(int id)
                {
                    if (Context is not null && Context() is { } context) OfContext.GetValue(context, Row)[id] = true;
                    return Active == id;
                }

                private static bool[] Row(object context)
                {
                    object? test = context.GetType().GetProperty("TestClass")?.GetValue(context);
                    string name = test?.GetType().GetProperty("TestClassName")?.GetValue(test) as string ?? "-";
                    return Passed.GetOrAdd(name, _ => new bool[Most]);
                }
            }
        }
        """;

    private MutantBuild(string folder) => Folder = folder;

    /// <summary>The faults; the first is switched on by 1.</summary>
    public List<MutationSite> Sites { get; } = [];

    /// <summary>The tests' folder with the faulty projects in it.</summary>
    public string Folder { get; }

    /// <summary>Builds the tests and takes a copy of what they run.</summary>
    /// <param name="root">The repository.</param>
    public static MutantBuild Of(string root)
    {
        Shell(root, "dotnet", "build", "tests/AdaptFormer.Tests", "-v", "q", "-p:RunAnalyzers=false");
        // Inside the repository, as tests that look for its files expect.
        string work = Path.Combine(root, "tests", "AdaptFormer.Tests", "bin", "mutants"), copy = Path.Combine(work, "tests");
        if (Directory.Exists(work)) Directory.Delete(work, recursive: true);
        Directory.CreateDirectory(work);
        Shell(root, "cp", "-r", Path.Combine(root, "tests", "AdaptFormer.Tests", "bin", "Debug", "net10.0"), copy);
        return new MutantBuild(copy);
    }

    /// <summary>Plants up to <paramref name="count"/> faults in a folder; a project is planted once, with all of its folders.</summary>
    /// <param name="root">The repository.</param>
    /// <param name="under">A folder of src, or a project.</param>
    /// <param name="count">How many.</param>
    /// <param name="seed">Which ones are drawn.</param>
    public void Plant(string root, string under, int count, int seed)
    {
        string project = string.Join('/', under.Split('/', '\\')[..2]), name = Path.GetFileName(project);
        string generated = Path.Combine(Path.GetDirectoryName(Folder)!, name);
        Shell(root, "dotnet", "build", project, "--no-dependencies", "--no-restore", "-t:Rebuild", "-v", "q", "-p:RunAnalyzers=false",
            "-p:EmitCompilerGeneratedFiles=true", $"-p:CompilerGeneratedFilesOutputPath={generated}");

        CSharpParseOptions parse = new(LanguageVersion.CSharp14, preprocessorSymbols: ["DEBUG", "TRACE", "NET", "NET10_0", "NET10_0_OR_GREATER"]);
        SyntaxTree[] own = [.. SourceTree.CodeFiles(Path.Combine(root, project)).Select(Parse)];
        SyntaxTree[] added = [.. Directory.EnumerateFiles(generated, "*.cs", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Path.Combine(root, project, "obj", "Debug", "net10.0"), "*.cs")).Select(Parse)];
        SyntaxTree Parse(string path) => CSharpSyntaxTree.ParseText(File.ReadAllText(path), parse, Path.GetRelativePath(root, path));

        string assembly = name == "AdaptFormer.Cli" ? "adaptformer" : name;
        CSharpCompilation compilation = CSharpCompilation.Create(
            assembly, [.. own, .. added], SourceTree.References(Folder, leaveOut: assembly),
            new CSharpCompilationOptions(
                name == "AdaptFormer.Cli" ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true,
                optimizationLevel: OptimizationLevel.Release, nullableContextOptions: NullableContextOptions.Enable));
        Random random = new(seed);
        string prefix = under.TrimEnd('/') + "/", target = Path.Combine(Folder, assembly + ".dll");
        ResourceDescription[] resources = Resources(target);
        List<MutationSite> sites = [.. own.Where(tree => (tree.FilePath.Replace('\\', '/') + "/").StartsWith(prefix, StringComparison.Ordinal))
            .SelectMany(tree => MutationSites.In(tree, compilation.GetSemanticModel(tree)))
            .OrderBy(_ => random.Next()).Take(count)];
        while (true)
        {
            HashSet<string> faulty = Emit(compilation, sites, Sites.Count, parse, target, resources);
            if (faulty.Count == 0) break;
            // A call that is left out may only be missed lines below, where what it assigns is read.
            if (sites.RemoveAll(site => faulty.Contains(Place(site))) == 0
                && sites.RemoveAll(site => faulty.Any(place => place.StartsWith(site.Node.SyntaxTree.FilePath + ":", StringComparison.Ordinal))) == 0)
                throw new InvalidOperationException("mutants: the project does not compile:\n" + string.Join('\n', faulty));
        }

        Sites.AddRange(sites);
    }

    // A fault that is no program is none: every site on a line with an error is given up. Lines keep their numbers.
    private static HashSet<string> Emit(
        CSharpCompilation compilation, List<MutationSite> sites, int before, CSharpParseOptions parse, string path, ResourceDescription[] resources)
    {
        foreach (IGrouping<SyntaxTree, int> file in Enumerable.Range(0, sites.Count).GroupBy(i => sites[i].Node.SyntaxTree))
        {
            Dictionary<SyntaxNode, int> ids = file.ToDictionary(i => sites[i].Node, i => i);
            SyntaxNode root = file.Key.GetRoot().ReplaceNodes(ids.Keys, (old, now) => MutationSites.Switched(now, sites[ids[old]], before + ids[old] + 1));
            compilation = compilation.ReplaceSyntaxTree(file.Key, CSharpSyntaxTree.ParseText(root.ToFullString(), parse, file.Key.FilePath));
        }

        compilation = compilation.AddSyntaxTrees(CSharpSyntaxTree.ParseText(Switch, parse, "Mutant.cs"));
        using FileStream stream = File.Create(path);
        EmitResult result = compilation.Emit(stream, manifestResources: resources);
        return [.. result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)
            .Select(diagnostic => diagnostic.Location.GetLineSpan())
            .Select(span => $"{span.Path}:{span.StartLinePosition.Line}")];
    }

    // What the project's own build put into the assembly beside code.
    private static ResourceDescription[] Resources(string assembly)
    {
        Assembly built = Assembly.Load(File.ReadAllBytes(assembly));
        return [.. built.GetManifestResourceNames().Select(name => new ResourceDescription(name, () => built.GetManifestResourceStream(name)!, isPublic: true))];
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
