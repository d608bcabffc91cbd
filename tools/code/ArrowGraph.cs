using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace AdaptFormer.Tools.Code;

/// <summary>Which file names something that which other file declares.</summary>
internal sealed class ArrowGraph
{
    private readonly Dictionary<string, HashSet<string>> _arrows = [];

    public ArrowGraph(SourceTree source)
    {
        foreach (SyntaxTree tree in source.Files)
        {
            HashSet<string> targets = _arrows[tree.FilePath] = [];
            SemanticModel model = source.Compilation.GetSemanticModel(tree);
            foreach (SimpleNameSyntax name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
            {
                ISymbol? symbol = model.GetSymbolInfo(name).Symbol;
                if (symbol is null or INamespaceSymbol) continue;
                ISymbol declared = symbol is INamedTypeSymbol ? symbol.OriginalDefinition : symbol.ContainingType?.OriginalDefinition ?? symbol;
                // A part of the same type in this very file is no arrow.
                string[] files = [.. declared.DeclaringSyntaxReferences.Select(reference => reference.SyntaxTree.FilePath).Where(path => path.Length > 0)];
                if (files.Length > 0 && !files.Contains(tree.FilePath)) targets.Add(files[0]);
            }
        }
    }

    public IEnumerable<string> Files => _arrows.Keys;

    public IEnumerable<(string From, string To)> Arrows => _arrows.SelectMany(pair => pair.Value, (pair, to) => (pair.Key, to));

    /// <summary>Everything that can be reached from a file, itself included.</summary>
    public HashSet<string> Closure(string file)
    {
        HashSet<string> seen = [file];
        Stack<string> open = new(seen);
        while (open.TryPop(out string? next))
        {
            foreach (string target in _arrows[next])
            {
                if (seen.Add(target)) open.Push(target);
            }
        }

        return seen;
    }

    /// <summary>Groups of folders that reach each other in a circle, largest first.</summary>
    public IReadOnlyList<string[]> Circles(Func<string, string> folderOf)
    {
        Dictionary<string, HashSet<string>> graph = Files.Select(folderOf).Distinct().ToDictionary(folder => folder, _ => new HashSet<string>());
        foreach ((string from, string to) in Arrows)
        {
            if (folderOf(from) != folderOf(to)) graph[folderOf(from)].Add(folderOf(to));
        }

        Dictionary<string, HashSet<string>> reach = graph.Keys.ToDictionary(folder => folder, folder => Reach(graph, folder));
        return [.. graph.Keys
            .Where(folder => reach[folder].Contains(folder))
            .GroupBy(folder => string.Join('|', reach[folder].Where(other => reach[other].Contains(folder)).Order(StringComparer.Ordinal)))
            .Select(group => group.Order(StringComparer.Ordinal).ToArray())
            .OrderByDescending(group => group.Length)];
    }

    private static HashSet<string> Reach(Dictionary<string, HashSet<string>> graph, string folder)
    {
        HashSet<string> seen = [];
        Stack<string> open = new(graph[folder]);
        while (open.TryPop(out string? next))
        {
            if (!seen.Add(next)) continue;
            foreach (string target in graph[next]) open.Push(target);
        }

        return seen;
    }
}
