using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using static Microsoft.CodeAnalysis.CSharp.SyntaxFactory;

namespace AdaptFormer.Tools.Code;

/// <summary>A fault that can be planted: a node, and what would stand in its place.</summary>
/// <param name="Node">The node as it is.</param>
/// <param name="Fault">Writes the faulty text, given the node with faults of its own children in it.</param>
internal sealed record MutationSite(SyntaxNode Node, Func<string, string> Fault)
{
    /// <summary>File, line and both texts, for people.</summary>
    public string Describe()
    {
        string before = OneLine(Node.ToString());
        return $"{Node.SyntaxTree.FilePath}:{Node.GetLocation().GetLineSpan().StartLinePosition.Line + 1}: {before}  =>  {OneLine(Fault(Node.ToString()))}";
    }

    /// <summary>Whether it lies in what runs once in a process, for whoever comes first: all that come later depend on it unseen.</summary>
    public bool RunsOnce => Node.Ancestors().OfType<MemberDeclarationSyntax>().FirstOrDefault(member => member is not BaseTypeDeclarationSyntax) is { } member
        && member is FieldDeclarationSyntax or ConstructorDeclarationSyntax or PropertyDeclarationSyntax { Initializer: not null }
        && member.Modifiers.Any(SyntaxKind.StaticKeyword);

    private static string OneLine(string text)
    {
        string line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length > 90 ? line[..90] + "…" : line;
    }
}

/// <summary>Finds where one-line faults can be planted in a file: an operator, a bound, a number, a flag, a call that is left out.</summary>
internal static class MutationSites
{
    private static readonly Dictionary<SyntaxKind, string> Operators = new()
    {
        [SyntaxKind.AddExpression] = "-",
        [SyntaxKind.SubtractExpression] = "+",
        [SyntaxKind.MultiplyExpression] = "/",
        [SyntaxKind.DivideExpression] = "*",
        [SyntaxKind.ModuloExpression] = "*",
        [SyntaxKind.LessThanExpression] = "<=",
        [SyntaxKind.LessThanOrEqualExpression] = "<",
        [SyntaxKind.GreaterThanExpression] = ">=",
        [SyntaxKind.GreaterThanOrEqualExpression] = ">",
        [SyntaxKind.EqualsExpression] = "!=",
        [SyntaxKind.NotEqualsExpression] = "==",
        [SyntaxKind.LogicalAndExpression] = "||",
        [SyntaxKind.LogicalOrExpression] = "&&",
    };

    public static IEnumerable<MutationSite> In(SyntaxTree tree, SemanticModel model) => tree.GetRoot().DescendantNodes()
        .Where(node => !IsConstant(node) && !DeclaresName(node))
        .Select(node => Of(node, model))
        .OfType<MutationSite>();

    private static MutationSite? Of(SyntaxNode node, SemanticModel model) => node switch
    {
        BinaryExpressionSyntax binary when Operators.TryGetValue(binary.Kind(), out string? other) && IsPlain(binary, model) =>
            new MutationSite(binary, _ => $"{binary.Left} {other} {binary.Right}"),
        LiteralExpressionSyntax { RawKind: (int)SyntaxKind.NumericLiteralExpression, Token.Value: int number } literal =>
            new MutationSite(literal, _ => $"{number + 1}"),
        LiteralExpressionSyntax { RawKind: (int)SyntaxKind.TrueLiteralExpression } literal => new MutationSite(literal, _ => "false"),
        LiteralExpressionSyntax { RawKind: (int)SyntaxKind.FalseLiteralExpression } literal => new MutationSite(literal, _ => "true"),
        PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.LogicalNotExpression } not => new MutationSite(not, _ => not.Operand.ToString()),
        PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.UnaryMinusExpression } minus when minus.Operand is not LiteralExpressionSyntax =>
            new MutationSite(minus, _ => minus.Operand.ToString()),
        InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: "Math" } } target } call
            when target.Name.Identifier.Text is "Min" or "Max" =>
            new MutationSite(call, _ => $"Math.{(target.Name.Identifier.Text == "Min" ? "Max" : "Min")}{call.ArgumentList}"),
        ExpressionStatementSyntax { Expression: InvocationExpressionSyntax or AssignmentExpressionSyntax } statement
            when statement.Parent is BlockSyntax => new MutationSite(statement, _ => ";"),
        _ => null,
    };

    /// <summary>The node with a switch between itself and the fault.</summary>
    public static SyntaxNode Switched(SyntaxNode node, MutationSite site, int id) => node is StatementSyntax
        ? ParseStatement($"if (!global::AdaptFormer.Mutant.On({id})) {{ {node} }}").WithTriviaFrom(node)
        : ParseExpression($"(global::AdaptFormer.Mutant.On({id}) ? ({site.Fault(node.ToString())}) : ({node}))").WithTriviaFrom(node);

    private static bool IsPlain(BinaryExpressionSyntax binary, SemanticModel model)
    {
        bool Simple(ExpressionSyntax side) => model.GetTypeInfo(side).Type is { } type
            && (type.SpecialType is (>= SpecialType.System_Boolean and <= SpecialType.System_Double and not SpecialType.System_Object) || type.TypeKind == TypeKind.Enum);
        return Simple(binary.Left) && Simple(binary.Right);
    }

    // Where a compiler wants a constant no switch can stand.
    private static bool IsConstant(SyntaxNode node) => node.AncestorsAndSelf().Any(above =>
        above is AttributeSyntax or EnumMemberDeclarationSyntax or ParameterSyntax or CaseSwitchLabelSyntax or PatternSyntax or GotoStatementSyntax
            or InterpolationFormatClauseSyntax or StackAllocArrayCreationExpressionSyntax or FixedStatementSyntax
        || (above is FieldDeclarationSyntax field && field.Modifiers.Any(SyntaxKind.ConstKeyword))
        || above is LocalDeclarationStatementSyntax { IsConst: true });

    // A name that is declared inside would be declared twice.
    private static bool DeclaresName(SyntaxNode node) => node.DescendantNodesAndSelf().Any(below =>
        below is SingleVariableDesignationSyntax or DeclarationExpressionSyntax or AwaitExpressionSyntax or QueryExpressionSyntax);
}
