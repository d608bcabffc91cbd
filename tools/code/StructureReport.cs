using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace AdaptFormer.Tools.Code;

/// <summary>Prints the figures of the architecture: what uses what, how long, how public.</summary>
internal static class StructureReport
{
    private const int Widest = 140;

    public static int Run(string[] types)
    {
        SourceTree source = SourceTree.Open();
        ArrowGraph graph = new(source);
        if (types is ["--arrows"])
        {
            foreach ((string from, string to) in graph.Arrows) Console.WriteLine($"{from}\t{to}");
            return 0;
        }

        ShowProjects(source);
        ShowArrows(graph);
        foreach (string type in types) ShowClosure(source, graph, type);
        return 0;
    }

    private static void ShowProjects(SourceTree source)
    {
        Console.WriteLine($"{"project",-28}{"files",7}{"lines",9}{"public types",14}{"over " + Widest,10}{"longest",9}");
        int files = 0, lines = 0, types = 0, over = 0, longest = 0;
        foreach (IGrouping<string, SyntaxTree> project in source.Files.GroupBy(tree => Project(tree.FilePath)))
        {
            int[] widths = [.. project.SelectMany(tree => tree.GetText().Lines).Select(line => line.Span.Length)];
            int open = project.Sum(tree => tree.GetRoot().DescendantNodes().OfType<BaseTypeDeclarationSyntax>().Count(IsPublic));
            int wide = widths.Count(width => width > Widest);
            Console.WriteLine($"{project.Key,-28}{project.Count(),7}{widths.Length,9}{open,14}{wide,10}{widths.Max(),9}");
            (files, lines, types, over, longest) = (files + project.Count(), lines + widths.Length, types + open, over + wide, Math.Max(longest, widths.Max()));
        }

        Console.WriteLine($"{"all",-28}{files,7}{lines,9}{types,14}{over,10}{longest,9}");
    }

    private static void ShowArrows(ArrowGraph graph)
    {
        Console.WriteLine();
        Console.WriteLine($"arrows between files: {graph.Arrows.Count()}");
        IReadOnlyList<string[]> projects = graph.Circles(Project), folders = graph.Circles(Folder);
        Console.WriteLine($"circles between projects: {projects.Count}");
        Console.WriteLine($"circles between folders: {folders.Count}");
        foreach (string[] circle in folders) Console.WriteLine("  " + string.Join(" <-> ", circle));
    }

    private static void ShowClosure(SourceTree source, ArrowGraph graph, string type)
    {
        string? file = source.Files.FirstOrDefault(tree => Path.GetFileNameWithoutExtension(tree.FilePath) == type)?.FilePath;
        Console.WriteLine();
        if (file is null)
        {
            Console.WriteLine($"{type}: no file {type}.cs in src");
            return;
        }

        HashSet<string> closure = graph.Closure(file);
        Console.WriteLine($"behind {file}: {closure.Count - 1} files");
        foreach (IGrouping<string, string> project in closure.GroupBy(Project).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            Console.WriteLine($"  {project.Key,-28}{project.Count(),5}");
        }
    }

    private static bool IsPublic(BaseTypeDeclarationSyntax type) =>
        type.Modifiers.Any(SyntaxKind.PublicKeyword) && type.Ancestors().OfType<BaseTypeDeclarationSyntax>().All(IsPublic);

    private static string Project(string path) => path.Split(Path.DirectorySeparatorChar)[1];

    private static string Folder(string path) => Path.GetDirectoryName(path)!["src/".Length..];
}
