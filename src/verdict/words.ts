import { Phrases } from './phrases.ts';

/** What judges say, in the languages in which they are asked most. Scripts without spaces come as one token for each
 * character, so their words are found inside others too. */

/** Before a slot's letter: `Assistant A`, `助手A`. */
export const SHOWN = new Phrases(
  `assistant|response|model|answer|option|candidate|output|reply|completion|solution|submission|ai assistant
  |antwort|assistent|réponse|respuesta|asistente|resposta|assistente|risposta|modèle|modelo|modell|modello
  |المساعد|الإجابة|إجابة المساعد|النموذج|الرد|ответе|ответ|ответа|ответу|ответом|ассистент|ассистента|модель|вариант|助手|回答|回复|回覆|答案|模型|回應|アシスタント|モデル|응답|답변|어시스턴트|모델`,
);

/** Before the verdict itself: `Verdict: A`. */
export const LABELS = new Phrases(
  `verdict|winner|win|decision|judgment|judgement|preference|preferred|choice|pick|vote|ranking|final ruling|ruling
  |urteil|fazit|gewinner|sieger|entscheidung|bewertung|wahl|jugement|gagnant|gagnante|vainqueur|décision|choix|conclusion|préférence
  |veredicto|ganador|ganadora|decisión|elección|conclusión|veredito|vencedor|vencedora|decisão|escolha|conclusão
  |verdetto|vincitore|vincitrice|decisione|scelta|conclusione|вердикт|победитель|решение|выбор|вывод|итог
  |裁决|裁決|判断|判斷|判决|判決|结论|結論|胜者|勝者|获胜者|獲勝者|优胜者|优胜|选择|選擇|判定|评判|最终答案|最终选择|最終判断|勝ち|選択
  |الحكم|الفائز|النتيجة|القرار|판정|결론|승자|선택|평결|최종 판단|판단`,
);

/** Names of tags and of JSON's fields, where they hold nothing but a slot. */
export const FIELDS = new Phrases(
  `verdict|winner|decision|judgment|judgement|preference|preferred|choice|pick|vote|answer|better|best|result|label|selected|selection
  |chosen|ruling|ranking|final|output`,
);

/** Between a label and its slot. */
export const JOINTS = new Phrases(
  `:|=|-|is|was|goes to|would be|will be|ist|war|est|es|é|è|это|是|为|為|は|が|은|는|이|가|to be`,
  ['|'],
);
/** What may stand there too. */
export const FILLERS = new Phrases(
  `"|“|'|[|(|that|therefore|thus|clearly|definitely|the|der|die|das|le|la|el|o|il|l|celle|celui|de|del|della|di|that of|{|}|text|textbf|mathbf|mathrm|dass|que|che|что|:|-|for`,
);

/** Says that what is before it is better. */
export const BETTER = new Phrases(
  `better|best|superior|stronger|preferable|preferred|winner|outperforms|wins|beats|surpasses|excels|strongest|outshines|prevails|deserves the win|deserves to win
  |gets the edge|has the edge|edges out|comes out ahead|comes out on top|gets my vote|gets my preference|the one i'd|the one i would|takes this one|takes the win|scores higher|ranks higher
  |besser|bessere|vorn|vorne|überlegen|gewinnt|beste|meilleur|meilleure|supérieur|supérieure|gagne|l'emporte|surpasse
  |mejor|superior|gana|supera|melhor|vence|migliore|meglio|vince|лучше|лучший|превосходит|побеждает|выигрывает
  |更好|更佳|更优|更優|更胜一筹|更出色|更强|胜出|勝出|获胜|優於|优于|较好|較好|最佳|最好|略胜|より良い|より良く|優れて|優れ|勝って|優位|勝利
  |أفضل|الأفضل|يتفوق|더 낫|더 좋|더 나은|더 우수|우수|더 뛰어나|뛰어나|승리|이깁니다|이긴다`,
);

/** Better in one thing: no verdict, unless it is said as a conclusion. */
export const BETTER_IN = new Phrases(
  `more accurate|more convincing|more persuasive|more helpful|more complete|more correct|more comprehensive|more precise|more relevant|more useful|more effective|more reliable
  |more appropriate|more satisfactory|more aligned|hilfreicher|genauer|plus utile|plus précise|más útil|más precisa|mais útil|più utile|полезнее|точнее
  |更准确|更準確|更有帮助|更全面|更完整|より正確|より役に立つ|더 정확|더 유용`,
);

/** Says that what is before it is worse. */
export const WORSE = new Phrases(
  `worse|inferior|weaker|poorer|worst|loses|loses to|falls short of|schlechter|unterlegen|pire|moins bonne|moins bon|inférieure|inférieur
  |peor|pior|peggiore|хуже|уступает|更差|较差|不如|劣って|劣る|더 나쁘|열등`,
);

/** Says that what follows it is chosen: `I prefer Assistant A`. */
export const CHOOSE = new Phrases(
  `prefer|choose|pick|select|favor|favour|go with|vote for|lean toward|lean towards|side with|in favor of|in favour of|opt for|give the edge to|edge goes to|going with|nod goes to|nod to|point goes to
  |wähle|bevorzuge|nehme|préfère|choisis|choisirais|prefiero|elijo|prefiro|escolho|preferisco|scelgo|выбираю|предпочитаю
  |我选择|我選擇|我选|選びます|선택합니다`,
);

export const TIES = new Phrases(
  `tie|tied|draw|are equal|as equal|both are equal|equally convincing|gleich gut|gleichermaßen gut|igual de buenas|igualmente buenas|igualmente boas|également bonnes|ugualmente valide|一样好|同样好|同样优秀|equally matched|equally good|equally strong|equally helpful|equally correct|equally bad|equally well|equally valid|equally effective
  |no clear winner|neither is better|neither response is better|neither assistant is better|on par|of equal quality|equal in quality
  |unentschieden|gleichstand|gleichwertig|égalité|ex aequo|empate|pareggio|ничья|平局|平手|不相上下|引き分け|同等|무승부|동점|동등`,
);

/** `Overall, …`: the sentence is the judge's conclusion, wherever it stands. */
export const CONCLUDES = new Phrases(
  `overall|therefore|thus|hence|so|in conclusion|in summary|to conclude|in sum|ultimately|consequently|all things considered|on balance
  |to summarize|in short|all in all|my verdict|insgesamt|damit|لذلك|إذن|daher|deshalb|somit|folglich|also|zusammenfassend|globalement|donc|ainsi|en conclusion|au final
  |en general|por lo tanto|en resumen|por tanto|en conclusión|portanto|em resumo|no geral|concluindo|quindi|pertanto|nel complesso|in conclusione
  |таким образом|в целом|итак|поэтому|следовательно|综上|总体|总的来说|因此|所以|总之|综合|整体|綜上|總體|したがって|よって|総合的|以上より|全体として|따라서|결론적으로|종합적으로|전반적으로`,
);

/** A sentence with one of these concludes nothing. */
export const DOUBTS = new Phrases(
  `not|isn't|doesn't|wasn't|cannot|can't|whether|if|unsure|unclear|hardly|while|although|though|however|but|could|would be|would have|might|may|unless
  |should|seems|neither|nor|no|nobody|some would|others|claims|claim|thinks|believes|argue|argues|pretends|insists|how|only if|previously|in the previous|last time|nicht|ob|wenn|obwohl|kein|keine|ne|pas|si|bien que|mais|no|aunque|pero|se|não|mas|embora|non|ma|sebbene|не|если|хотя|но
  |不是|并不|如果|虽然|尽管|但|並不|雖然|ではない|もし|しかし|아니|않|만약|하지만|지만`,
);

/** Before the one that something is better than: `than A`, `比A`. */
export const OBJECT_BEFORE = new Phrases(
  `than|to|with|over|against|from|als|gegenüber|que|à|di|чем|с|比|与|和|相比|优于|than that of`,
);
/** And after it: `Aより`, `A보다`. */
export const OBJECT_AFTER = new Phrases('より|보다|に比べ|相比|比べ');
