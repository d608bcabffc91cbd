using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace AdaptFormer.Tools.Code;

/// <summary>All files of <c>src</c> as one compilation, so that every name can be followed to the file that declares it.</summary>
internal sealed class SourceTree
{
    private const string Usings =
        """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;
        global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;
        """;

    private SourceTree(string root, CSharpCompilation compilation) => (Root, Compilation) = (root, compilation);

    /// <summary>The repository's folder.</summary>
    public string Root { get; }

    public CSharpCompilation Compilation { get; }

    /// <summary>The files, without what the compiler adds.</summary>
    public IEnumerable<SyntaxTree> Files => Compilation.SyntaxTrees.Where(tree => tree.FilePath.Length > 0);

    /// <summary>Reads <c>src</c>. The program must be built, because the packages that it uses are taken from beside it.</summary>
    public static SourceTree Open(DocumentationMode documentation = DocumentationMode.None)
    {
        string root = RepositoryRoot();
        string built = Path.Combine(root, "src", "AdaptFormer.Cli", "bin", "Debug", "net10.0");
        if (!Directory.Exists(built)) throw new DirectoryNotFoundException($"{built}: build the solution first (dotnet build).");

        CSharpParseOptions options = new(LanguageVersion.CSharp14, documentation);
        IEnumerable<SyntaxTree> trees = CodeFiles(Path.Combine(root, "src"))
            .Select(path => CSharpSyntaxTree.ParseText(File.ReadAllText(path), options, Path.GetRelativePath(root, path)))
            .Append(CSharpSyntaxTree.ParseText(Usings, options));
        CSharpCompilation compilation = CSharpCompilation.Create(
            "src", trees, References(built), new CSharpCompilationOptions(OutputKind.ConsoleApplication, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
        return new SourceTree(root, compilation);
    }

    /// <summary>C# files below a folder, without what builds leave.</summary>
    public static IEnumerable<string> CodeFiles(string folder) => Directory
        .EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
        .Where(path => !path.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"))
        .Order(StringComparer.Ordinal);

    /// <summary>The folder above the working directory that holds the solution.</summary>
    public static string RepositoryRoot()
    {
        for (DirectoryInfo? folder = new(Environment.CurrentDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "AdaptFormer.slnx"))) return folder.FullName;
        }

        throw new DirectoryNotFoundException("AdaptFormer.slnx is in no folder above this one; run the tool inside the repository.");
    }

    /// <summary>What the runtime and a folder of built assemblies bring.</summary>
    /// <param name="built">The folder.</param>
    /// <param name="leaveOut">The assembly that is compiled anew; all of this repository's if null.</param>
    public static IEnumerable<MetadataReference> References(string built, string? leaveOut = null)
    {
        string runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string web = runtime.Replace("Microsoft.NETCore.App", "Microsoft.AspNetCore.App", StringComparison.Ordinal);
        string[] folders = Directory.Exists(web) ? [runtime, web, built] : [runtime, built];
        return folders.SelectMany(folder => Directory.EnumerateFiles(folder, "*.dll"))
            .Where(path => !IsLeftOut(Path.GetFileNameWithoutExtension(path), leaveOut) && IsManaged(path))
            .DistinctBy(Path.GetFileName)
            .Select(path => MetadataReference.CreateFromFile(path));
    }

    private static bool IsLeftOut(string name, string? leaveOut) => leaveOut is null
        ? name.StartsWith("AdaptFormer", StringComparison.OrdinalIgnoreCase)
        : name == leaveOut || name is "AdaptFormer.Tests" or "AdaptFormer.Benchmarks";

    private static bool IsManaged(string path)
    {
        using FileStream stream = File.OpenRead(path);
        using System.Reflection.PortableExecutable.PEReader reader = new(stream);
        try
        {
            return reader.HasMetadata;
        }
        catch (BadImageFormatException)
        {
            return false;
        }
    }
}
