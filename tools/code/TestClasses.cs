using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace AdaptFormer.Tools.Code;

/// <summary>Which test classes have to do with a file: those of its name first, then those that name what it declares, those of few words first.</summary>
internal sealed partial class TestClasses
{
    private readonly List<(string Name, string File, HashSet<string> Words)> _classes = [];

    public TestClasses(string root)
    {
        string tests = Path.Combine(root, "tests", "AdaptFormer.Tests");
        foreach (string path in SourceTree.CodeFiles(tests))
        {
            string text = File.ReadAllText(path);
            HashSet<string> words = [.. Word().Matches(text).Select(match => match.Value)];
            SyntaxNode syntax = CSharpSyntaxTree.ParseText(text).GetRoot();
            string space = syntax.DescendantNodes().OfType<BaseNamespaceDeclarationSyntax>().FirstOrDefault()?.Name.ToString() ?? "";
            foreach (ClassDeclarationSyntax type in syntax.DescendantNodes().OfType<ClassDeclarationSyntax>())
            {
                bool tested = type.Members.OfType<MethodDeclarationSyntax>().Any(method => method.AttributeLists.SelectMany(list => list.Attributes)
                    .Any(attribute => attribute.Name.ToString() is "Fact" or "Theory" or "Property"));
                if (tested && !type.Modifiers.Any(SyntaxKind.AbstractKeyword)) _classes.Add(($"{space}.{type.Identifier.Text}", Path.GetFileNameWithoutExtension(path), words));
            }
        }
    }

    /// <summary>Classes to ask about a fault in a file, the likeliest first.</summary>
    public IEnumerable<string> For(SyntaxTree file, int most)
    {
        string name = Path.GetFileNameWithoutExtension(file.FilePath).Split('.')[0];
        HashSet<string> declared = [.. file.GetRoot().DescendantNodes().OfType<BaseTypeDeclarationSyntax>().Select(type => type.Identifier.Text)];
        if (declared.Count == 0 || file.FilePath.Contains("Command", StringComparison.Ordinal)) declared.Add(name);
        return _classes
            .Select(test => (test.Name, Near: test.File.StartsWith(name, StringComparison.Ordinal) ? 0 : declared.Overlaps(test.Words) ? 1 : 2, test.Words.Count))
            .Where(test => test.Near < 2)
            .OrderBy(test => test.Near).ThenBy(test => test.Count)
            .Take(most).Select(test => test.Name);
    }

    /// <summary>All classes of the folder of tests that is named as a project of <c>src</c>.</summary>
    public IEnumerable<string> Beside(SyntaxTree file)
    {
        string project = file.FilePath.Replace('\\', '/').Split('/')[1];
        string space = $"AdaptFormer.Tests.{project[(project.IndexOf('.') + 1)..]}";
        return _classes.Select(test => test.Name).Where(name => name.StartsWith(space + ".", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"[A-Z]\w+")]
    private static partial Regex Word();
}
